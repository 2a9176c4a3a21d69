<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** What an administrator entered in the tile's dialog, as the rest of the bundle reads it. */
final class Settings
{
    public const INTEGRATION = 'SalesforceSidecar';
    public const BUNDLE = 'SalesforceSidecarBundle';
    public const VERSION = '0.1.0';
    public const PROTOCOL = 1;
    public const SHORTEST_KEY = 32;

    public function __construct(
        public readonly bool $isPublished,
        public readonly string $sidecarUrl,
        public readonly string $instance,
        public readonly string $sharedKey,
        public readonly string $clientId,
        public readonly bool $repairsMerges,
    ) {
    }

    /** @param array<string, mixed> $keys as they were decrypted */
    public static function fromKeys(bool $isPublished, array $keys): self
    {
        return new self(
            $isPublished,
            self::address(self::text($keys, 'sidecar_url')),
            self::text($keys, 'instance'),
            self::text($keys, 'shared_key'),
            self::text($keys, 'client_id'),
            !in_array($keys['repair_merges'] ?? null, [0, '0', false], true),
        );
    }

    /** Tells whether the sidecar can be called and believed: switched on, with an address, a name and a key that is long enough. */
    public function canSpeak(): bool
    {
        return $this->isPublished && '' !== $this->sidecarUrl && '' !== $this->instance
            && strlen($this->sharedKey) >= self::SHORTEST_KEY;
    }

    /** Returns an address without its last slash, or '' for anything but http and https. */
    private static function address(string $text): string
    {
        return 1 === preg_match('#^https?://[^\s/]#i', $text) ? rtrim($text, '/') : '';
    }

    /** @param array<string, mixed> $keys */
    private static function text(array $keys, string $name): string
    {
        $value = $keys[$name] ?? '';

        return is_scalar($value) ? trim((string) $value) : '';
    }
}
