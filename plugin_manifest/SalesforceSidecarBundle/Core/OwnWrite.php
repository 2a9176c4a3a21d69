<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Recognises the sidecar's own writes, which the outbox need not tell it. */
final class OwnWrite
{
    public const HEADER = 'X-Sidecar-Write';

    /** Tells whether a request claims to be one. Only a call of the API can; what a person does in Mautic never is. */
    public static function isClaimed(string $path, ?string $header): bool
    {
        return '1' === $header && str_starts_with($path, '/api/');
    }

    /** Returns the token of an Authorization header, or null. */
    public static function token(?string $authorization): ?string
    {
        return 1 === preg_match('/^Bearer +([^\s]+)$/iD', trim((string) $authorization), $found) ? $found[1] : null;
    }

    /** Tells whether a caller is the client named in the settings; without a name nobody is. */
    public static function isClient(?string $callerId, string $clientId): bool
    {
        return null !== $callerId && '' !== $clientId && hash_equals($clientId, $callerId);
    }
}
