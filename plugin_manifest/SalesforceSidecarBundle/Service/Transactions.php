<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\DBAL\Connection;
use Doctrine\Persistence\ManagerRegistry;
use MauticPlugin\SalesforceSidecarBundle\Core\Retry;

/** Runs work in one transaction, and again where the database could not let it through. */
class Transactions
{
    private bool $readsCommitted = true;

    public function __construct(
        private Connection $connection,
        private ManagerRegistry $managers,
    ) {
    }

    /**
     * READ COMMITTED locks no gaps between rows: with Mautic's usual level, batches that run side by side end in deadlocks.
     *
     * @template T
     *
     * @param callable(): T $work is started anew each time
     *
     * @return T
     */
    public function run(callable $work): mixed
    {
        for ($try = 1; ; ++$try) {
            try {
                return $this->once($work);
            } catch (\Throwable $error) {
                $this->reset();
                if ($this->readsCommitted && Retry::refusesReadCommitted($error)) {
                    $this->readsCommitted = false;
                } elseif ($try >= Retry::TRIES || !Retry::helps($error)) {
                    throw $error;
                }
            }
        }
    }

    /**
     * @template T
     *
     * @param callable(): T $work
     *
     * @return T
     */
    private function once(callable $work): mixed
    {
        if ($this->readsCommitted) {
            $this->connection->executeStatement('SET TRANSACTION ISOLATION LEVEL READ COMMITTED');
        }
        $this->connection->beginTransaction();
        $done = $work();
        $this->connection->commit();

        return $done;
    }

    /** An entity manager is closed by the first error; a new one takes its place behind the same service. */
    private function reset(): void
    {
        while ($this->connection->isTransactionActive()) {
            $this->connection->rollBack();
        }
        $this->managers->resetManager();
    }
}
