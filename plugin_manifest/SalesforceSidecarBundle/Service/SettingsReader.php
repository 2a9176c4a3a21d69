<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception as DatabaseException;
use Mautic\CoreBundle\Helper\EncryptionHelper;
use MauticPlugin\SalesforceSidecarBundle\Core\Settings;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;

/**
 * Reads the settings by one statement, as Mautic's own way loads every integration there is. They are kept for some seconds, so that
 * a worker that runs for hours notices the switch.
 */
class SettingsReader
{
    private const KEPT_SECONDS = 30;

    private ?Settings $settings = null;
    private int $readAt = 0;

    public function __construct(
        private Connection $connection,
        private EncryptionHelper $encryption,
        private Clock $clock,
    ) {
    }

    public function read(): Settings
    {
        $now = $this->clock->now();
        if (null === $this->settings || $now - $this->readAt >= self::KEPT_SECONDS) {
            $this->settings = $this->fetch();
            $this->readAt   = $now;
        }

        return $this->settings;
    }

    /** Tells what the database holds this moment, whatever is being saved. */
    public function isPublishedInDatabase(): bool
    {
        return $this->fetch()->isPublished;
    }

    private function fetch(): Settings
    {
        try {
            $row = $this->connection->fetchAssociative(Sql::settings(Tables::prefix()), [Settings::INTEGRATION]);
        } catch (DatabaseException) {
            // There is no Mautic yet, or no database: nothing of ours is switched on.
            $row = false;
        }

        return false === $row ? Settings::fromKeys(false, []) : Settings::fromKeys((bool) $row['is_published'], $this->decrypted((string) $row['api_keys']));
    }

    /** @return array<string, mixed> */
    private function decrypted(string $stored): array
    {
        $keys = str_starts_with($stored, '{') ? json_decode($stored, true) : @unserialize($stored, ['allowed_classes' => false]);
        $read = [];
        foreach (is_array($keys) ? $keys : [] as $name => $value) {
            $clear = is_string($value) && str_contains($value, '|') ? $this->encryption->decrypt($value) : null;
            if (null !== $clear && false !== $clear) {
                $read[(string) $name] = $clear;
            }
        }

        return $read;
    }
}
