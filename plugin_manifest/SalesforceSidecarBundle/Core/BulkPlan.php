<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Which items of a batch are to be written, and to which contact; and why the others are not. Decides, writes nothing. */
final class BulkPlan
{
    /**
     * @param array<int, BulkItem>  $items   by their place in the request
     * @param array<int, int|null>  $targets the contact of each; null for a new one
     * @param array<int, ItemError> $errors  by place
     */
    private function __construct(
        public readonly array $items,
        public readonly array $targets,
        public readonly array $errors,
    ) {
    }

    /**
     * @param list<mixed>  $raw          as they came
     * @param list<string> $aliases      every published field of contacts
     * @param list<string> $uniqueFields those whose value only one contact may have
     */
    public static function make(array $raw, array $aliases, array $uniqueFields, Lookups $lookups, bool $mayCreate, bool $mayEdit): self
    {
        $errors = $items = [];
        foreach ($raw as $place => $each) {
            $item = BulkItem::parse($each);
            if ($item instanceof BulkItem && [] !== $unknown = array_diff(array_keys($item->fields), $aliases)) {
                $item = ItemError::unknownField(array_values($unknown));
            }
            $item instanceof ItemError ? $errors[$place] = $item : $items[$place] = $item;
        }
        $errors += self::gone($items, $lookups) + self::badOwners($items, $lookups);
        [$targets, $clashes] = self::targets(array_diff_key($items, $errors), $uniqueFields, $lookups);
        $errors += $clashes;
        foreach (array_diff_key($targets, $errors) as $place => $target) {
            if (!(null === $target ? $mayCreate : $mayEdit)) {
                $errors[$place] = ItemError::forbidden();
            }
        }
        ksort($errors);

        return new self(array_diff_key($items, $errors), array_diff_key($targets, $errors), $errors);
    }

    /**
     * @param array<int, BulkItem> $items
     *
     * @return array<int, ItemError>
     */
    private static function gone(array $items, Lookups $lookups): array
    {
        $wanted  = array_filter(array_map(static fn (BulkItem $item): ?int => $item->id, $items));
        $missing = [] === $wanted ? [] : array_diff($wanted, $lookups->contacts(array_values(array_unique($wanted))));
        $into    = [] === $missing ? [] : $lookups->survivors(array_values(array_unique($missing)));

        return array_map(static fn (int $id): ItemError => isset($into[$id]) ? ItemError::merged($into[$id]) : ItemError::notFound(), $missing);
    }

    /**
     * @param array<int, BulkItem> $items
     *
     * @return array<int, ItemError>
     */
    private static function badOwners(array $items, Lookups $lookups): array
    {
        $wanted  = array_filter(array_map(static fn (BulkItem $item): ?int => $item->owner, $items));
        $unknown = [] === $wanted ? [] : array_diff($wanted, $lookups->users(array_values(array_unique($wanted))));

        return array_map(static fn (): ItemError => ItemError::invalid('There is no such user.', ['owner']), $unknown);
    }

    /**
     * @param array<int, BulkItem> $items
     * @param list<string>         $uniqueFields
     *
     * @return array{array<int, int|null>, array<int, ItemError>}
     */
    private static function targets(array $items, array $uniqueFields, Lookups $lookups): array
    {
        $values  = self::uniqueValues($items, $uniqueFields);
        $holders = self::holders($values, $lookups);
        $targets = $errors = $taken = [];
        foreach ($items as $place => $item) {
            $keys = [];
            $held = [];
            foreach ($values[$place] as $alias => $value) {
                $keys[$alias] = $alias.'='.self::folded($value);
                $held[$alias] = $holders[$keys[$alias]] ?? [];
            }
            $target = $item->id ?? self::onlyOne($held);
            $others = array_keys(array_filter($held, static fn (array $ids): bool => [] !== array_diff($ids, [$target])));
            if (null !== $target) {
                $keys['id'] = 'id='.$target;
            }
            if ([] !== $double = array_keys(array_intersect($keys, $taken))) {
                $errors[$place] = ItemError::twice($double);
            } elseif ([] !== $others) {
                $errors[$place] = ItemError::notUnique($others);
            } else {
                $targets[$place] = $target;
                $taken           = [...$taken, ...array_values($keys)];
            }
        }

        return [$targets, $errors];
    }

    /**
     * @param array<int, BulkItem> $items
     * @param list<string>         $uniqueFields
     *
     * @return array<int, array<string, string>>
     */
    private static function uniqueValues(array $items, array $uniqueFields): array
    {
        return array_map(static fn (BulkItem $item): array => array_map(
            static fn (mixed $value): string => trim(is_array($value) ? implode('|', $value) : (string) $value),
            array_filter(array_intersect_key($item->fields, array_flip($uniqueFields)), static fn (mixed $value): bool => null !== $value),
        ), $items);
    }

    /**
     * @param array<int, array<string, string>> $values
     *
     * @return array<string, list<int>> who holds a value, by field and folded value
     */
    private static function holders(array $values, Lookups $lookups): array
    {
        $asked = [];
        foreach ($values as $ofItem) {
            foreach ($ofItem as $alias => $value) {
                $asked[$alias][self::folded($value)] = $value;
            }
        }
        $found = [];
        foreach ([] === $asked ? [] : $lookups->holders(array_map(array_values(...), $asked)) as $row) {
            foreach (array_keys($asked) as $alias) {
                if (null !== ($row[$alias] ?? null)) {
                    $found[$alias.'='.self::folded((string) $row[$alias])][] = (int) $row['id'];
                }
            }
        }

        return $found;
    }

    /**
     * Returns the one contact that holds the values of an item without an id. Where several do, none is meant.
     *
     * @param array<string, list<int>> $held
     */
    private static function onlyOne(array $held): ?int
    {
        $ids = array_unique(array_merge([], ...array_values($held)));

        return 1 === count($ids) ? reset($ids) : null;
    }

    /** As the database compares: capitals, and spaces at the end, do not tell values apart. */
    private static function folded(string $value): string
    {
        return mb_strtolower(trim($value));
    }
}
