<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Controller;

use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use MauticPlugin\SalesforceSidecarBundle\Core\Request as Sent;
use MauticPlugin\SalesforceSidecarBundle\Core\Settings;
use MauticPlugin\SalesforceSidecarBundle\Service\Caller;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\Request;

/** What the sidecar asks about the bundle, and its outbox. Mautic's API guard stands before it. */
class ApiController
{
    use Answers;

    public function __construct(
        private SettingsReader $settings,
        private Outbox $outbox,
        private Caller $caller,
        private CorePermissions $security,
    ) {
    }

    public function statusAction(): JsonResponse
    {
        $settings = $this->settings->read();

        return $this->refusal('lead:leads:viewother') ?? new JsonResponse([
            'bundle'        => Settings::VERSION,
            'protocol'      => Settings::PROTOCOL,
            'outbox'        => $this->outbox->summary(),
            'own_client'    => $this->caller->isOwnClient(),
            'bulk_limit'    => Sent::MOST_ITEMS,
            'repair_merges' => $settings->repairsMerges,
        ]);
    }

    public function outboxAction(Request $request): JsonResponse
    {
        $query = $request->query;

        return $this->refusal('lead:leads:viewother')
            ?? new JsonResponse(['rows' => $this->outbox->rows(max(0, (int) $query->get('after', '0')), Sent::limit($query->get('limit')))]);
    }

    public function doneAction(Request $request): JsonResponse
    {
        if (null !== $refusal = $this->refusal('lead:leads:editother')) {
            return $refusal;
        }
        $ids = Sent::ids((string) $request->getContent());

        return null === $ids
            ? $this->refuse(400, 'invalid', 'Send {"ids": [1, 2, …]} with at most '.Sent::MOST_DONE.' ids.')
            : new JsonResponse(['deleted' => $this->outbox->done($ids)]);
    }

    private function refusal(string $permission): ?JsonResponse
    {
        if (!$this->settings->read()->isPublished) {
            return $this->switchedOff();
        }

        return $this->security->isGranted($permission) ? null : $this->forbidden();
    }
}
