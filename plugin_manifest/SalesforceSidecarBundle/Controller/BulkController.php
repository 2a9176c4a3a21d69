<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Controller;

use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use MauticPlugin\SalesforceSidecarBundle\Core\Request as Sent;
use MauticPlugin\SalesforceSidecarBundle\Service\BulkWriter;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\Request;

/** Writes up to 500 contacts in one call. */
class BulkController
{
    use Answers;

    private const RETRY_AFTER = '5';

    public function __construct(
        private SettingsReader $settings,
        private BulkWriter $writer,
        private CorePermissions $security,
    ) {
    }

    public function writeAction(Request $request): JsonResponse
    {
        if (!$this->settings->read()->isPublished) {
            return $this->switchedOff();
        }
        if (!$this->security->isGranted(['lead:leads:create', 'lead:leads:editother'], 'MATCH_ONE')) {
            return $this->forbidden();
        }
        $items = Sent::listOf((string) $request->getContent(), 'items');
        if (null === $items) {
            return $this->refuse(400, 'invalid', 'Send {"items": [ … ]}.');
        }
        if (count($items) > Sent::MOST_ITEMS) {
            return $this->refuse(413, 'too-many', 'At most '.Sent::MOST_ITEMS.' items may be sent at once.');
        }
        $results = [] === $items ? [] : $this->writer->write($items);
        if (null === $results) {
            $busy = $this->refuse(503, 'busy', 'The database did not let the contacts through; nothing was written. Try again later.');
            $busy->headers->set('Retry-After', self::RETRY_AFTER);

            return $busy;
        }

        return new JsonResponse(['results' => $results]);
    }
}
