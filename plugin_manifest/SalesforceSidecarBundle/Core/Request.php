<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Reads what callers of the endpoints send. */
final class Request
{
    public const MOST_ROWS = 1000;
    public const MOST_DONE = 5000;
    public const MOST_ITEMS = 500;

    /** @return list<mixed>|null the list under a name of a JSON object; null if there is none */
    public static function listOf(string $body, string $name): ?array
    {
        $document = json_decode($body, true, 64);
        $list     = is_array($document) ? ($document[$name] ?? null) : null;

        return is_array($list) && array_is_list($list) ? $list : null;
    }

    /** @return list<int>|null the ids under "ids"; null where anything else stands there, or too many */
    public static function ids(string $body): ?array
    {
        $ids = self::listOf($body, 'ids');
        if (null === $ids || count($ids) > self::MOST_DONE) {
            return null;
        }

        return $ids === array_filter($ids, static fn (mixed $id): bool => is_int($id) && $id > 0) ? array_values(array_unique($ids)) : null;
    }

    public static function limit(mixed $asked): int
    {
        return is_numeric($asked) ? max(1, min(self::MOST_ROWS, (int) $asked)) : self::MOST_ROWS;
    }
}
