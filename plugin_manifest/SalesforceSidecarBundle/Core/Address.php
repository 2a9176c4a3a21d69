<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Where the sidecar is asked and told things. */
final class Address
{
    public static function launch(Settings $settings, string $token): string
    {
        return $settings->sidecarUrl.'/launch?token='.$token;
    }

    public static function push(Settings $settings): string
    {
        return $settings->sidecarUrl.'/hooks/'.rawurlencode($settings->instance).'/push';
    }

    /** The path of a question about a contact; its signature is over "GET " and this. */
    public static function contactPath(Settings $settings, int $contactId, int $now): string
    {
        return sprintf('/hooks/%s/contact/%d?at=%d', rawurlencode($settings->instance), $contactId, $now);
    }
}
