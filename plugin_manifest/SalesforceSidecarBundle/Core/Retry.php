<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Tells errors of the database that pass from those that stay. */
final class Retry
{
    public const TRIES = 3;
    private const DEADLOCK = 1213;
    private const LOCK_WAIT_TIMEOUT = 1205;
    private const NO_READ_COMMITTED = 1665;

    public static function helps(\Throwable $error): bool
    {
        return self::hasCode($error, [self::DEADLOCK, self::LOCK_WAIT_TIMEOUT]);
    }

    /** A server that logs statements instead of rows refuses to write in READ COMMITTED. */
    public static function refusesReadCommitted(\Throwable $error): bool
    {
        return self::hasCode($error, [self::NO_READ_COMMITTED]);
    }

    /** @param list<int> $codes */
    private static function hasCode(\Throwable $error, array $codes): bool
    {
        for ($each = $error; null !== $each; $each = $each->getPrevious()) {
            $code = $each instanceof \PDOException ? ($each->errorInfo[1] ?? 0) : $each->getCode();
            if (in_array((int) $code, $codes, true)) {
                return true;
            }
        }

        return false;
    }
}
