<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Controller;

use Symfony\Component\HttpFoundation\JsonResponse;

/** Refusals in the form of Mautic's own REST. */
trait Answers
{
    private function refuse(int $status, string $type, string $message): JsonResponse
    {
        return new JsonResponse(['errors' => [['code' => $status, 'type' => $type, 'message' => $message]]], $status);
    }

    private function switchedOff(): JsonResponse
    {
        return $this->refuse(403, 'switched-off', 'The integration Salesforce (sidecar) is switched off in Mautic.');
    }

    private function forbidden(): JsonResponse
    {
        return $this->refuse(403, 'forbidden', 'The role of this API client does not allow it.');
    }
}
