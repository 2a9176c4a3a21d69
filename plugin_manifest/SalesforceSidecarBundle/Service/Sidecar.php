<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use MauticPlugin\SalesforceSidecarBundle\Core\Address;
use MauticPlugin\SalesforceSidecarBundle\Core\ContactState;
use MauticPlugin\SalesforceSidecarBundle\Core\Moment;
use MauticPlugin\SalesforceSidecarBundle\Core\Signature;

/** The sidecar as Mautic sees it: it can be woken, and asked about a contact. */
class Sidecar
{
    private const WAKE_MS = 1000;
    private const ASK_MS  = 2000;

    public function __construct(
        private SettingsReader $settings,
        private Http $http,
        private Clock $clock,
    ) {
    }

    /** Says that somebody waits for a push. Nothing depends on its arrival. No two calls are alike: a replay is none of ours. */
    public function wake(): void
    {
        $settings = $this->settings->read();
        if (!$settings->canSpeak()) {
            return;
        }
        $call    = ['wake' => true, 'at' => Moment::iso(Moment::forTable($this->clock->now())), 'id' => bin2hex(random_bytes(16))];
        $body    = json_encode($call, JSON_THROW_ON_ERROR);
        $headers = ['Content-Type' => 'application/json', Signature::HEADER => Signature::of($body, $settings->sharedKey)];
        $this->http->call('POST', Address::push($settings), $headers, $body, self::WAKE_MS);
    }

    /** Returns what the sidecar knows of a contact; null where it does not answer in time. */
    public function stateOf(int $contactId, string $locale): ?ContactState
    {
        $settings = $this->settings->read();
        if (!$settings->canSpeak()) {
            return null;
        }
        $path    = Address::contactPath($settings, $contactId, $this->clock->now());
        $headers = ['Accept' => 'application/json', Signature::HEADER => Signature::of('GET '.$path, $settings->sharedKey)];

        return ContactState::parse($this->http->call('GET', $settings->sidecarUrl.$path, $headers, '', self::ASK_MS), $locale);
    }
}
