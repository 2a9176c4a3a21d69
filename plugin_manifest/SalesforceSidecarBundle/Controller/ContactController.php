<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Controller;

use Mautic\CoreBundle\Helper\UserHelper;
use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use Mautic\LeadBundle\Entity\Lead;
use Mautic\LeadBundle\Model\LeadModel;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\PushChoice;
use MauticPlugin\SalesforceSidecarBundle\Service\Launcher;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\Sidecar;
use Symfony\Component\HttpFoundation\RedirectResponse;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\Response;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Component\HttpKernel\Exception\NotFoundHttpException;
use Symfony\Component\Routing\Generator\UrlGeneratorInterface;
use Symfony\Component\Security\Csrf\CsrfToken;
use Symfony\Component\Security\Csrf\CsrfTokenManagerInterface;
use Symfony\Contracts\Translation\TranslatorInterface;
use Twig\Environment;

/** What stands in the tab of a contact, and its button "Sync now". */
class ContactController
{
    private const CSRF = 'salesforce_sidecar_push';

    public function __construct(
        private LeadModel $contacts,
        private CorePermissions $security,
        private UserHelper $users,
        private Sidecar $sidecar,
        private Outbox $outbox,
        private Launcher $launcher,
        private Environment $twig,
        private CsrfTokenManagerInterface $tokens,
        private TranslatorInterface $translator,
        private UrlGeneratorInterface $urls,
    ) {
    }

    public function stateAction(int $contactId): Response
    {
        $contact  = $this->contact($contactId, 'view');
        $response = new Response($this->twig->render('@SalesforceSidecar/Contact/state.html.twig', [
            'contactId' => $contactId,
            'state'     => $this->sidecar->stateOf($contactId, (string) $this->users->getUser()->getLocale()),
            'mayPush'   => $this->isAllowed($contact, 'edit'),
            'mayOpen'   => $this->launcher->isAllowed(),
            'token'     => $this->tokens->getToken(self::CSRF)->getValue(),
        ]));
        $response->headers->set('Cache-Control', 'no-store');

        return $response;
    }

    public function pushAction(Request $request, int $contactId): Response
    {
        $this->contact($contactId, 'edit');
        if (!$this->tokens->isTokenValid(new CsrfToken(self::CSRF, (string) $request->request->get('token')))) {
            throw new AccessDeniedHttpException();
        }
        $isWritten = $this->outbox->add(OutboxRow::push($contactId, PushChoice::ofTheSidecar(), 'contact tab'));
        $told      = $this->translator->trans($isWritten ? 'salesforce_sidecar.contact.queued' : 'salesforce_sidecar.push.off');
        $request->getSession()->getFlashBag()->add($isWritten ? 'notice' : 'error', $told);

        return new RedirectResponse($this->urls->generate('mautic_contact_action', ['objectAction' => 'view', 'objectId' => $contactId]));
    }

    private function contact(int $id, string $for): Lead
    {
        $contact = $this->contacts->getEntity($id);
        // For a contact that was merged away Mautic returns the survivor, who is somebody else.
        if (!$contact instanceof Lead || $id !== (int) $contact->getId()) {
            throw new NotFoundHttpException();
        }
        if (!$this->isAllowed($contact, $for)) {
            throw new AccessDeniedHttpException();
        }

        return $contact;
    }

    private function isAllowed(Lead $contact, string $for): bool
    {
        return (bool) $this->security->hasEntityAccess("lead:leads:{$for}own", "lead:leads:{$for}other", $contact->getPermissionUser());
    }
}
