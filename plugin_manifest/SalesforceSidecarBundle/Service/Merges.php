<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

/** Remembers which contacts were merged away in this process, so that their deletion is not told as one. */
class Merges
{
    /** @var array<int, true> */
    private array $lost = [];

    public function note(int $loserId): void
    {
        $this->lost[$loserId] = true;
    }

    public function hasLost(int $id): bool
    {
        return isset($this->lost[$id]);
    }
}
