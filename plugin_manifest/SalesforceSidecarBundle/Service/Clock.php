<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

/** The only place that asks the time. */
class Clock
{
    public function now(): int
    {
        return time();
    }
}
