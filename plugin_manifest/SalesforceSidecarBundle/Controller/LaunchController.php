<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Controller;

use MauticPlugin\SalesforceSidecarBundle\Service\Launcher;
use Symfony\Component\HttpFoundation\JsonResponse;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Contracts\Translation\TranslatorInterface;

/** Sends the user who is signed in to the sidecar, with a ticket that is good for one minute and one use. */
class LaunchController
{
    public function __construct(
        private Launcher $launcher,
        private TranslatorInterface $translator,
    ) {
    }

    public function openAction(Request $request, int $contactId = 0): Response
    {
        if (!$this->launcher->isAllowed()) {
            throw new AccessDeniedHttpException();
        }
        $address = $this->launcher->address(0 === $contactId ? '' : 'contact/'.$contactId);
        if (null === $address) {
            return $this->guarded(new Response($this->translator->trans('salesforce_sidecar.launch.off'), Response::HTTP_CONFLICT, ['Content-Type' => 'text/plain; charset=utf-8']));
        }

        // Where Mautic fetches a link in the background, its script leaves the page for this address.
        return $this->guarded($request->isXmlHttpRequest() ? new JsonResponse(['redirect' => $address]) : new RedirectResponse($address));
    }

    private function guarded(Response $response): Response
    {
        $response->headers->set('Cache-Control', 'no-store');
        $response->headers->set('Referrer-Policy', 'no-referrer');

        return $response;
    }
}
