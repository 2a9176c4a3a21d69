<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\DBAL\Connection;
use MauticPlugin\SalesforceSidecarBundle\Core\OwnWrite;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\RequestStack;

/** Knows which API client is calling. Mautic's guard has let it in before; the token only says who it is. */
class Caller
{
    /** @var \WeakMap<Request, bool> */
    private \WeakMap $known;

    public function __construct(
        private RequestStack $requests,
        private Connection $connection,
        private SettingsReader $settings,
        private Clock $clock,
    ) {
        $this->known = new \WeakMap();
    }

    /** Tells whether the sidecar's own client calls. */
    public function isOwnClient(): bool
    {
        $request = $this->requests->getMainRequest();
        if (null === $request) {
            return false;
        }

        return $this->known[$request] ??= $this->look($request);
    }

    /** Tells whether what is written now is the sidecar's own, and said to be. */
    public function isOwnWrite(): bool
    {
        $request = $this->requests->getMainRequest();

        return null !== $request
            && OwnWrite::isClaimed($request->getPathInfo(), $request->headers->get(OwnWrite::HEADER))
            && $this->isOwnClient();
    }

    private function look(Request $request): bool
    {
        $token    = OwnWrite::token($request->headers->get('Authorization'));
        $clientId = $this->settings->read()->clientId;
        if (null === $token || '' === $clientId) {
            return false;
        }
        $row = $this->connection->fetchAssociative(Sql::clientOfToken(Tables::prefix()), [$token, $this->clock->now()]);

        return OwnWrite::isClient(false === $row ? null : $row['id'].'_'.$row['random_id'], $clientId);
    }
}
