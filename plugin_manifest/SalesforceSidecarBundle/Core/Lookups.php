<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** What a batch has to know from the database; each is one question for the whole batch. */
interface Lookups
{
    /**
     * @param list<int> $ids
     *
     * @return list<int> those that exist
     */
    public function contacts(array $ids): array;

    /**
     * @param list<int> $ids of contacts that are gone
     *
     * @return array<int, int> the survivor of each that was merged
     */
    public function survivors(array $ids): array;

    /**
     * @param list<int> $ids
     *
     * @return list<int> those that exist
     */
    public function users(array $ids): array;

    /**
     * @param array<string, list<string>> $values by unique field
     *
     * @return list<array<string, mixed>> the id and the unique fields of each contact that holds one of them
     */
    public function holders(array $values): array;
}
