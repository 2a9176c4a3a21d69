<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/**
 * Decides which do-not-contact entry a merged contact keeps for a channel.
 *
 * What the person asked for weighs more than what somebody entered for them, and that more than a bounce: a bounce ends with
 * the address, a wish does not. So an entry is only ever replaced by a stronger one, and never lifted.
 */
final class DoNotContactRepair
{
    private const UNSUBSCRIBED = 1;
    private const BOUNCED = 2;
    private const BY_HAND = 3;
    private const STRENGTH = [self::UNSUBSCRIBED => 3, self::BY_HAND => 2, self::BOUNCED => 1];

    public static function takesOver(?int $winnerReason, int $loserReason): bool
    {
        return self::strength($loserReason) > self::strength($winnerReason ?? 0);
    }

    private static function strength(int $reason): int
    {
        return self::STRENGTH[$reason] ?? 0;
    }
}
