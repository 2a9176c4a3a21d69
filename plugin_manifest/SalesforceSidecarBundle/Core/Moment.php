<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Times as the table keeps them and as JSON tells them; both are UTC with whole seconds. */
final class Moment
{
    public static function forTable(int $seconds): string
    {
        return gmdate('Y-m-d H:i:s', $seconds);
    }

    public static function iso(?string $fromTable): ?string
    {
        return null === $fromTable || '' === $fromTable ? null : substr(strtr($fromTable, ' ', 'T'), 0, 19).'+00:00';
    }
}
