<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use Mautic\LeadBundle\Event\CompanyEvent;
use Mautic\LeadBundle\LeadEvents;
use MauticPlugin\SalesforceSidecarBundle\Core\Changes;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Service\Caller;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/** Notes which companies changed and which are gone. */
class CompanySubscriber implements EventSubscriberInterface
{
    public function __construct(
        private Outbox $outbox,
        private Caller $caller,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            LeadEvents::COMPANY_POST_SAVE   => ['onSave', -100],
            LeadEvents::COMPANY_POST_DELETE => 'onGone',
        ];
    }

    public function onSave(CompanyEvent $event): void
    {
        if (Changes::matter((bool) $event->isNew(), $event->getChanges()) && !$this->caller->isOwnWrite()) {
            $this->outbox->add(OutboxRow::companyChanged((int) $event->getCompany()->getId()));
        }
    }

    public function onGone(CompanyEvent $event): void
    {
        $this->outbox->add(OutboxRow::companyDeleted((int) $event->getCompany()->deletedId));
    }
}
