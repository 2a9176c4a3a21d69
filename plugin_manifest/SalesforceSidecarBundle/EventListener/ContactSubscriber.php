<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use Doctrine\DBAL\Connection;
use Mautic\LeadBundle\Event\ChannelSubscriptionChange;
use Mautic\LeadBundle\Event\LeadChangeCompanyEvent;
use Mautic\LeadBundle\Event\LeadEvent;
use Mautic\LeadBundle\Event\ListChangeEvent;
use Mautic\LeadBundle\LeadEvents;
use MauticPlugin\SalesforceSidecarBundle\Core\Changes;
use MauticPlugin\SalesforceSidecarBundle\Core\Moment;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;
use MauticPlugin\SalesforceSidecarBundle\Service\Caller;
use MauticPlugin\SalesforceSidecarBundle\Service\Merges;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use MauticPlugin\SalesforceSidecarBundle\Service\Tables;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/** Notes which contacts changed and which are gone. */
class ContactSubscriber implements EventSubscriberInterface
{
    /** @var array<int, OutboxRow> what is to be told of contacts that are being deleted; afterwards nothing of them can be read */
    private array $leaving = [];

    public function __construct(
        private Outbox $outbox,
        private Caller $caller,
        private Merges $merges,
        private SettingsReader $settings,
        private Connection $connection,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            LeadEvents::LEAD_POST_SAVE               => ['onSave', -100],
            LeadEvents::CHANNEL_SUBSCRIPTION_CHANGED => 'onDoNotContact',
            LeadEvents::LEAD_LIST_CHANGE             => 'onMembership',
            LeadEvents::LEAD_LIST_BATCH_CHANGE       => 'onMembership',
            LeadEvents::LEAD_COMPANY_CHANGE          => 'onMembership',
            LeadEvents::LEAD_PRE_DELETE              => ['onLeaving', 255],
            LeadEvents::LEAD_POST_DELETE             => 'onGone',
        ];
    }

    public function onSave(LeadEvent $event): void
    {
        if (Changes::matter((bool) $event->isNew(), $event->getChanges())) {
            $this->tellChanged([$event->getLead()]);
        }
    }

    public function onDoNotContact(ChannelSubscriptionChange $event): void
    {
        $this->tellChanged([$event->getLead()]);
    }

    /** The events of many contacts have no single one, and asking them for it is an error. */
    public function onMembership(ListChangeEvent|LeadChangeCompanyEvent $event): void
    {
        $this->tellChanged($event->getLeads() ?? [$event->getLead()]);
    }

    public function onLeaving(LeadEvent $event): void
    {
        $contact = $event->getLead();
        $id      = (int) $contact->getId();
        // The loser of a merge is deleted too; the outbox told already what became of it.
        if (!$this->settings->read()->isPublished || $this->merges->hasLost($id)) {
            return;
        }
        $entries = array_map(static fn (array $row): array => [
            'channel'    => (string) $row['channel'],
            'reason'     => (int) $row['reason'],
            'comments'   => $row['comments'],
            'date_added' => Moment::iso($row['date_added']),
        ], $this->connection->fetchAllAssociative(Sql::doNotContactOf(Tables::prefix()), [$id]));
        $email              = (string) $contact->getEmail();
        $this->leaving[$id] = OutboxRow::contactDeleted($id, '' === $email ? null : $email, $entries);
    }

    public function onGone(LeadEvent $event): void
    {
        $id = (int) $event->getLead()->deletedId;
        if (isset($this->leaving[$id])) {
            $this->outbox->add($this->leaving[$id]);
            unset($this->leaving[$id]);
        }
    }

    /** @param iterable<mixed> $contacts */
    private function tellChanged(iterable $contacts): void
    {
        if ($this->settings->read()->isPublished && !$this->caller->isOwnWrite()) {
            $this->outbox->add(...array_map(OutboxRow::contactChanged(...), Changes::ids($contacts)));
        }
    }
}
