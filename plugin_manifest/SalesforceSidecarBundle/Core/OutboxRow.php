<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** One thing the outbox tells. A row takes the place of an older one with the same key; pushes have none and are never joined. */
final class OutboxRow
{
    /**
     * `began` is dated ahead by so much: a process that was running when the bundle was installed or switched on notices it
     * only then, and what it changed until then is told by nobody.
     */
    public const BEGINS_AFTER = 60;

    /** @param array<string, mixed>|null $details */
    private function __construct(
        public readonly ?string $key,
        public readonly string $kind,
        public readonly string $what,
        public readonly int $objectId,
        public readonly ?int $intoId = null,
        public readonly ?array $details = null,
    ) {
    }

    public static function contactChanged(int $id): self
    {
        return new self('contact:'.$id, 'contact', 'changed', $id);
    }

    /** @param list<array{channel: string, reason: int, comments: ?string, date_added: ?string}> $doNotContact */
    public static function contactDeleted(int $id, ?string $email, array $doNotContact): self
    {
        return new self('deleted:'.$id, 'contact', 'deleted', $id, null, ['email' => $email, 'do_not_contact' => $doNotContact]);
    }

    public static function contactMerged(int $id, int $survivorId): self
    {
        return new self('merged:'.$id, 'contact', 'merged', $id, $survivorId);
    }

    public static function companyChanged(int $id): self
    {
        return new self('company:'.$id, 'company', 'changed', $id);
    }

    public static function companyDeleted(int $id): self
    {
        return new self('deleted:company:'.$id, 'company', 'deleted', $id);
    }

    public static function push(int $contactId, PushChoice $choice, string $source): self
    {
        return new self(null, 'push', 'push', $contactId, null, $choice->toArray() + ['source' => $source]);
    }

    public static function began(): self
    {
        return new self('began', 'began', 'began', 0);
    }

    /** @return list<string|int|null> the row's values in the order of Sql::COLUMNS */
    public function values(int $now): array
    {
        $details = null === $this->details ? null : json_encode(
            $this->details,
            JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE
        );
        $moment = Moment::forTable('began' === $this->kind ? $now + self::BEGINS_AFTER : $now);

        return [$this->key, $this->kind, $this->what, $this->objectId, $this->intoId, $details, $moment];
    }
}
