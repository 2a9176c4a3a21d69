<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\DBAL\Connection;
use MauticPlugin\SalesforceSidecarBundle\Core\Lookups;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;

/** Answers a batch's questions from Mautic's tables. */
class DatabaseLookups implements Lookups
{
    public function __construct(private Connection $connection)
    {
    }

    public function contacts(array $ids): array
    {
        return $this->existing('leads', $ids);
    }

    public function survivors(array $ids): array
    {
        $into = [];
        foreach ($this->connection->fetchAllAssociative(Sql::mergedInto(Tables::prefix(), count($ids)), $ids) as $row) {
            $into[(int) $row['merged_id']] = (int) $row['contact_id'];
        }

        return $into;
    }

    public function users(array $ids): array
    {
        return $this->existing('users', $ids);
    }

    public function holders(array $values): array
    {
        $sql = Sql::holders(Tables::prefix(), array_map(count(...), $values));

        return $this->connection->fetchAllAssociative($sql, array_merge(...array_values($values)));
    }

    /**
     * @param list<int> $ids
     *
     * @return list<int>
     */
    private function existing(string $table, array $ids): array
    {
        $sql = Sql::existing(Tables::prefix(), $table, count($ids));

        return array_map(intval(...), array_column($this->connection->fetchAllAssociative($sql, $ids), 'id'));
    }
}
