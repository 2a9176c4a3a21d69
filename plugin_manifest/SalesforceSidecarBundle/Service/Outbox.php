<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception as DatabaseException;
use MauticPlugin\SalesforceSidecarBundle\Core\Moment;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;
use Psr\Log\LoggerInterface;

/**
 * The table that the sidecar reads and empties.
 *
 * Whoever saves a contact must never be stopped by it: a row that cannot be written is logged, and the table then says that it tells
 * everything only from now on, so that the sidecar goes by Mautic's own log for the time before.
 */
class Outbox
{
    private const AT_ONCE = 500;

    private bool $hasLost = false;
    private bool $hasPush = false;

    public function __construct(
        private Connection $connection,
        private SettingsReader $settings,
        private Clock $clock,
        private LoggerInterface $logger,
    ) {
    }

    /** Writes rows, each in the place of an older one of the same key. Returns false if they could not be written. */
    public function add(OutboxRow ...$rows): bool
    {
        if ([] === $rows || !$this->settings->read()->isPublished) {
            return [] === $rows;
        }
        $isWritten     = $this->write($rows);
        $this->hasPush = $this->hasPush || ($isWritten && [] !== array_filter($rows, static fn (OutboxRow $row): bool => 'push' === $row->kind));

        return $isWritten;
    }

    /** Makes the table where it is missing. A statement of this kind ends a transaction, so it stands outside of any. */
    public function createTable(): void
    {
        $this->connection->executeStatement(Sql::createOutbox(Tables::prefix()));
    }

    /** Notes that from now on the table tells everything. */
    public function begin(): void
    {
        $this->write([OutboxRow::began()]);
    }

    /** Does at the end of a request what is left to do, and tells whether somebody waits for a push. */
    public function settle(): bool
    {
        if ($this->hasLost) {
            $this->hasLost = false;
            $this->begin();
        }
        $wakes         = $this->hasPush;
        $this->hasPush = false;

        return $wakes;
    }

    /** @return list<array<string, mixed>> */
    public function rows(int $after, int $limit): array
    {
        return array_map(static fn (array $row): array => [
            'id'        => (int) $row['id'],
            'kind'      => $row['kind'],
            'what'      => $row['what'],
            'object_id' => (int) $row['object_id'],
            'into_id'   => null === $row['into_id'] ? null : (int) $row['into_id'],
            'details'   => null === $row['details'] ? null : json_decode($row['details'], true),
            'at'        => Moment::iso($row['date_added']),
        ], $this->connection->fetchAllAssociative(Sql::readRows(Tables::prefix(), $limit), [$after]));
    }

    /** @param list<int> $ids */
    public function done(array $ids): int
    {
        $deleted = 0;
        foreach (array_chunk($ids, self::AT_ONCE) as $some) {
            $deleted += (int) $this->connection->executeStatement(Sql::deleteRows(Tables::prefix(), count($some)), $some);
        }

        return $deleted;
    }

    /** @return array{began_at: ?string, waiting: int, oldest_at: ?string} */
    public function summary(): array
    {
        $began = $this->connection->fetchOne(Sql::beganAt(Tables::prefix()));
        $row   = $this->connection->fetchAssociative(Sql::summary(Tables::prefix())) ?: ['waiting' => 0, 'oldest_at' => null];

        return ['began_at' => Moment::iso(false === $began ? null : $began), 'waiting' => (int) $row['waiting'], 'oldest_at' => Moment::iso($row['oldest_at'])];
    }

    /** @param OutboxRow[] $rows */
    private function write(array $rows): bool
    {
        $now = $this->clock->now();
        try {
            foreach (array_chunk($rows, self::AT_ONCE) as $some) {
                $values = array_merge(...array_map(static fn (OutboxRow $row): array => $row->values($now), $some));
                $this->connection->executeStatement(Sql::replaceRows(Tables::prefix(), count($some)), $values);
            }

            return true;
        } catch (DatabaseException $error) {
            $this->hasLost = true;
            $this->logger->error('Salesforce sidecar: the outbox could not be written: '.$error->getMessage());

            return false;
        }
    }
}
