<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Mautic\CoreBundle\Helper\UserHelper;
use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use MauticPlugin\SalesforceSidecarBundle\Core\Address;
use MauticPlugin\SalesforceSidecarBundle\Core\LaunchToken;

/** Makes the address under which the user who is signed in enters the sidecar once. */
class Launcher
{
    public function __construct(
        private SettingsReader $settings,
        private UserHelper $users,
        private CorePermissions $security,
        private Clock $clock,
    ) {
    }

    /** Whoever may see every contact may look, as the sidecar shows them all; who manages plugins administers it. */
    public function isAllowed(): bool
    {
        return true === $this->security->isGranted(['plugin:plugins:manage', 'lead:leads:viewother'], 'MATCH_ONE');
    }

    /** @return string|null null while the integration is switched off or not filled in */
    public function address(string $path): ?string
    {
        $settings = $this->settings->read();
        if (!$settings->canSpeak()) {
            return null;
        }
        $user   = $this->users->getUser();
        $claims = LaunchToken::claims(
            $settings,
            ['id' => $user->getId(), 'name' => (string) $user->getName(), 'email' => (string) $user->getEmail(), 'locale' => $user->getLocale()],
            (bool) $this->security->isGranted('plugin:plugins:manage'),
            (bool) $this->security->isGranted('lead:leads:editother'),
            $path,
            $this->clock->now(),
            LaunchToken::newId(),
        );

        return Address::launch($settings, LaunchToken::sign($claims, $settings->sharedKey));
    }
}
