<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** One contact of a batch, its shape checked. What is not named is not touched. */
final class BulkItem
{
    private const KEYS = ['id', 'fields', 'tags', 'owner', 'do_not_contact'];
    private const REASONS = [1, 2, 3];

    /**
     * @param array<string, mixed>                                                               $fields
     * @param list<string>                                                                       $tags
     * @param array{channel: string, remove: bool, reason: int, comments: string}|null           $doNotContact
     */
    private function __construct(
        public readonly ?int $id,
        public readonly array $fields,
        public readonly array $tags,
        public readonly bool $hasOwner,
        public readonly ?int $owner,
        public readonly ?array $doNotContact,
    ) {
    }

    public static function parse(mixed $raw): self|ItemError
    {
        if (!is_array($raw) || !is_array($raw['fields'] ?? null)) {
            return ItemError::invalid('An item is an object with "fields".');
        }
        if ([] !== $unknown = array_diff(array_map(strval(...), array_keys($raw)), self::KEYS)) {
            return ItemError::invalid('An item has no such key.', array_values($unknown));
        }
        $wrong = array_keys(array_filter([
            'id'             => !self::isId($raw['id'] ?? null),
            'fields'         => !self::areFields($raw['fields']),
            'tags'           => !self::areTags($raw['tags'] ?? []),
            'owner'          => !self::isId($raw['owner'] ?? null),
            'do_not_contact' => !self::isDoNotContact($raw['do_not_contact'] ?? null),
        ]));
        if ([] !== $wrong) {
            return ItemError::invalid('A part of the item has the wrong shape.', $wrong);
        }

        return new self(
            $raw['id'] ?? null,
            array_map(static fn (mixed $value): mixed => '' === $value || [] === $value ? null : $value, $raw['fields']),
            array_values($raw['tags'] ?? []),
            array_key_exists('owner', $raw),
            $raw['owner'] ?? null,
            self::doNotContact($raw['do_not_contact'] ?? null),
        );
    }

    private static function isId(mixed $value): bool
    {
        return null === $value || (is_int($value) && $value > 0);
    }

    /** @param mixed[] $fields */
    private static function areFields(array $fields): bool
    {
        foreach ($fields as $alias => $value) {
            $isList = is_array($value) && array_is_list($value) && count($value) === count(array_filter($value, is_scalar(...)));
            if (!is_string($alias) || !(null === $value || is_scalar($value) || $isList)) {
                return false;
            }
        }

        return true;
    }

    private static function areTags(mixed $tags): bool
    {
        $isTag = static fn (mixed $tag): bool => is_string($tag) && '' !== ltrim($tag, '- ');

        return is_array($tags) && count($tags) === count(array_filter($tags, $isTag));
    }

    private static function isDoNotContact(mixed $value): bool
    {
        if (null === $value) {
            return true;
        }
        if (!is_array($value) || !is_string($value['channel'] ?? null) || '' === trim($value['channel'])) {
            return false;
        }

        return true === ($value['remove'] ?? null)
            || (in_array($value['reason'] ?? null, self::REASONS, true) && is_string($value['comments'] ?? ''));
    }

    /**
     * @param array<string, mixed>|null $value
     *
     * @return array{channel: string, remove: bool, reason: int, comments: string}|null
     */
    private static function doNotContact(?array $value): ?array
    {
        return null === $value ? null : [
            'channel'  => trim($value['channel']),
            'remove'   => true === ($value['remove'] ?? null),
            'reason'   => $value['reason'] ?? 0,
            'comments' => $value['comments'] ?? '',
        ];
    }
}
