<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** What the sidecar answered about a contact. Nothing of it is believed beyond its shape. */
final class ContactState
{
    private const STATES = ['linked', 'waiting', 'excluded', 'unknown'];

    private function __construct(
        public readonly string $state,
        public readonly ?string $recordUrl,
        public readonly ?string $record,
        public readonly ?string $lastSyncedAt,
        public readonly ?string $sentence,
        public readonly ?string $waitingFor,
    ) {
    }

    /** Returns the answer, or null where it is none that we understand. */
    public static function parse(?string $body, string $locale): ?self
    {
        $answer = null === $body ? null : json_decode($body, true, 16);
        if (!is_array($answer) || !in_array($answer['state'] ?? null, self::STATES, true)) {
            return null;
        }
        $url      = self::text($answer['record_url'] ?? null);
        $language = str_starts_with(strtolower($locale), 'fr') ? 'fr' : 'en';

        return new self(
            $answer['state'],
            null !== $url && 1 === preg_match('#^https://[^\s"<>]+$#D', $url) ? $url : null,
            self::text($answer['record'] ?? null),
            self::text($answer['last_synced_at'] ?? null),
            self::inLanguage($answer['sentence'] ?? null, $language),
            self::inLanguage($answer['waiting_for'] ?? null, $language),
        );
    }

    /** Returns a text that is told in several languages, in English where it is not told in this one. */
    private static function inLanguage(mixed $texts, string $language): ?string
    {
        return is_array($texts) ? self::text($texts[$language] ?? null) ?? self::text($texts['en'] ?? null) : null;
    }

    private static function text(mixed $value): ?string
    {
        return is_string($value) && '' !== trim($value) ? trim($value) : null;
    }
}
