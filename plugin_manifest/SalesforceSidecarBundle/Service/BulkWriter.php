<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\ORM\EntityManagerInterface;
use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use MauticPlugin\SalesforceSidecarBundle\Core\BulkPlan;
use MauticPlugin\SalesforceSidecarBundle\Core\ItemError;
use MauticPlugin\SalesforceSidecarBundle\Core\Retry;
use Psr\Log\LoggerInterface;

/**
 * Writes a batch of contacts: all in one transaction, and one by one where an item breaks it, so that it fails alone.
 */
class BulkWriter
{
    /** Contacts that the entity manager holds at a time. Its work grows with them. */
    private const AT_ONCE = 100;

    public function __construct(
        private EntityManagerInterface $entities,
        private DatabaseLookups $lookups,
        private ContactFields $fields,
        private ContactWriter $writer,
        private Transactions $transactions,
        private CorePermissions $security,
        private LoggerInterface $logger,
    ) {
    }

    /**
     * @param list<mixed> $raw the items as they came
     *
     * @return list<array<string, mixed>>|null one result for each, in order; null when the database let nothing through
     */
    public function write(array $raw): ?array
    {
        try {
            return $this->transactions->run(fn (): array => $this->writeAll($raw));
        } catch (\Throwable $error) { // whatever a listener of Mautic or of another plugin may throw
            if (Retry::helps($error)) {
                return null;
            }
            $this->logger->warning('Salesforce sidecar: a batch goes on contact by contact: '.$error->getMessage());
        }

        return $this->writeEach($raw);
    }

    /**
     * @param list<mixed> $raw
     *
     * @return list<array<string, mixed>>
     */
    private function writeAll(array $raw): array
    {
        $plan    = $this->plan($raw);
        $results = array_map(static fn (ItemError $error): array => $error->toArray(), $plan->errors);
        foreach (array_chunk($plan->items, self::AT_ONCE, true) as $items) {
            $ids      = array_values(array_filter(array_intersect_key($plan->targets, $items)));
            $contacts = $this->writer->load(
                $ids,
                [] !== array_filter($items, static fn ($item): bool => [] !== $item->tags),
                [] !== array_filter($items, static fn ($item): bool => null !== $item->doNotContact),
            );
            foreach ($items as $place => $item) {
                $target          = $plan->targets[$place];
                $result          = null !== $target && !isset($contacts[$target]) ? ItemError::notFound() : $this->writer->write($item, $contacts[$target] ?? null);
                $results[$place] = $result instanceof ItemError ? $result->toArray() : $result;
            }
            $this->entities->clear();
        }
        ksort($results);

        return array_values($results);
    }

    /**
     * The doubles within the request are found first, as an item alone has none.
     *
     * @param list<mixed> $raw
     *
     * @return list<array<string, mixed>>
     */
    private function writeEach(array $raw): array
    {
        $doubles = array_filter($this->plan($raw)->errors, static fn (ItemError $error): bool => 'twice' === $error->reason);
        $results = [];
        foreach ($raw as $place => $item) {
            $results[] = isset($doubles[$place]) ? $doubles[$place]->toArray() : $this->writeOne($item);
        }

        return $results;
    }

    /** @return array<string, mixed> */
    private function writeOne(mixed $item): array
    {
        try {
            return $this->transactions->run(fn (): array => $this->writeAll([$item]))[0];
        } catch (\Throwable $error) { // as above; the caller hears that it failed, the log why
            $this->logger->error('Salesforce sidecar: a contact could not be written: '.$error->getMessage());

            return ItemError::failed('Mautic could not write this contact; its log tells why.')->toArray();
        }
    }

    /** @param list<mixed> $raw */
    private function plan(array $raw): BulkPlan
    {
        return BulkPlan::make(
            $raw,
            array_keys($this->fields->all()),
            $this->fields->unique(),
            $this->lookups,
            (bool) $this->security->isGranted('lead:leads:create'),
            (bool) $this->security->isGranted('lead:leads:editother'),
        );
    }
}
