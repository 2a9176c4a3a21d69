<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Why one item of a batch was not written; the others are none the worse for it. */
final class ItemError
{
    /** @param list<string> $fields */
    private function __construct(
        public readonly int $code,
        public readonly string $reason,
        public readonly string $message,
        public readonly array $fields = [],
        public readonly ?int $into = null,
    ) {
    }

    /** @param list<string> $fields */
    public static function invalid(string $message, array $fields = []): self
    {
        return new self(400, 'invalid', $message, $fields);
    }

    /** @param list<string> $fields */
    public static function unknownField(array $fields): self
    {
        return new self(400, 'unknown-field', 'Mautic has no published contact field of this name.', $fields);
    }

    public static function notFound(): self
    {
        return new self(404, 'not-found', 'There is no contact with this id.');
    }

    public static function merged(int $into): self
    {
        return new self(409, 'merged', 'This contact was merged into another one.', [], $into);
    }

    /** @param list<string> $fields */
    public static function twice(array $fields): self
    {
        return new self(409, 'twice', 'An earlier item of this request is the same contact or takes the same value.', $fields);
    }

    /** @param list<string> $fields */
    public static function notUnique(array $fields): self
    {
        return new self(422, 'not-unique', 'Another contact has this value already.', $fields);
    }

    public static function forbidden(): self
    {
        return new self(403, 'forbidden', 'The role of this API client does not allow it.');
    }

    public static function failed(string $message): self
    {
        return new self(500, 'failed', $message);
    }

    /** @return array{error: array<string, mixed>} */
    public function toArray(): array
    {
        $told = ['code' => $this->code, 'reason' => $this->reason, 'message' => $this->message, 'fields' => $this->fields];

        return ['error' => $told + (null === $this->into ? [] : ['into' => $this->into])];
    }
}
