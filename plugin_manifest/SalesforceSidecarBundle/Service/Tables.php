<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

/** What stands before the names of Mautic's tables; Mautic tells it by a constant that exists only while it runs. */
final class Tables
{
    public static function prefix(): string
    {
        return defined('MAUTIC_TABLE_PREFIX') ? (string) constant('MAUTIC_TABLE_PREFIX') : '';
    }
}
