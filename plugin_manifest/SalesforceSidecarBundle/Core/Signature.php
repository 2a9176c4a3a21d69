<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Signs texts as Mautic signs its own webhooks: base64 of HMAC-SHA256 with the shared key. */
final class Signature
{
    public const HEADER = 'Webhook-Signature';

    public static function of(string $text, string $key): string
    {
        return base64_encode(hash_hmac('sha256', $text, $key, true));
    }
}
