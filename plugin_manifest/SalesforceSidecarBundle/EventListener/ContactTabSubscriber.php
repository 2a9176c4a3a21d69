<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use Mautic\CoreBundle\CoreEvents;
use Mautic\CoreBundle\Event\CustomContentEvent;
use Mautic\LeadBundle\Entity\Lead;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/** Adds the tab "Salesforce" to the page of a contact. What stands in it is fetched when somebody opens it. */
class ContactTabSubscriber implements EventSubscriberInterface
{
    private const VIEW = '@MauticLead/Lead/lead.html.twig';

    public function __construct(private SettingsReader $settings)
    {
    }

    public static function getSubscribedEvents(): array
    {
        return [CoreEvents::VIEW_INJECT_CUSTOM_CONTENT => 'onContent'];
    }

    public function onContent(CustomContentEvent $event): void
    {
        $contact = $event->getVars()['lead'] ?? null;
        if (self::VIEW !== $event->getViewName() || !$contact instanceof Lead || !$this->settings->read()->isPublished) {
            return;
        }
        if ($event->checkContext(self::VIEW, 'tabs')) {
            $event->addTemplate('@SalesforceSidecar/Contact/tab.html.twig', []);
        } elseif ($event->checkContext(self::VIEW, 'tabs.content')) {
            $event->addTemplate('@SalesforceSidecar/Contact/pane.html.twig', ['contactId' => (int) $contact->getId()]);
        }
    }
}
