<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use Doctrine\DBAL\Connection;
use Doctrine\DBAL\Exception as DatabaseException;
use Mautic\LeadBundle\Entity\DoNotContact as Entry;
use Mautic\LeadBundle\Entity\Lead;
use Mautic\LeadBundle\Event\LeadMergeEvent;
use Mautic\LeadBundle\LeadEvents;
use Mautic\LeadBundle\Model\DoNotContact;
use MauticPlugin\SalesforceSidecarBundle\Core\DoNotContactRepair;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;
use MauticPlugin\SalesforceSidecarBundle\Service\Merges;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use MauticPlugin\SalesforceSidecarBundle\Service\Tables;
use Psr\Log\LoggerInterface;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/**
 * Tells of merges, and saves what Mautic loses in one: the loser's do-not-contact entries, its stage, its UTM tags and stage log.
 *
 * Before the merge the survivor is only changed in memory: Mautic saves it right afterwards, with audit log and events.
 */
class MergeSubscriber implements EventSubscriberInterface
{
    public function __construct(
        private SettingsReader $settings,
        private Outbox $outbox,
        private Merges $merges,
        private DoNotContact $doNotContact,
        private Connection $connection,
        private LoggerInterface $logger,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            LeadEvents::LEAD_PRE_MERGE  => 'beforeMerge',
            LeadEvents::LEAD_POST_MERGE => 'afterMerge',
        ];
    }

    public function beforeMerge(LeadMergeEvent $event): void
    {
        if ($this->repairs()) {
            $this->saveDoNotContact($event->getVictor(), $event->getLoser());
            if (null === $event->getVictor()->getStage() && null !== $stage = $event->getLoser()->getStage()) {
                $event->getVictor()->setStage($stage);
            }
        }
    }

    public function afterMerge(LeadMergeEvent $event): void
    {
        $winnerId = (int) $event->getVictor()->getId();
        $loserId  = (int) $event->getLoser()->getId();
        if ($this->repairs()) {
            $this->copyRows($winnerId, $loserId);
        }
        $this->merges->note($loserId);
        $this->outbox->add(OutboxRow::contactMerged($loserId, $winnerId), OutboxRow::contactChanged($winnerId));
    }

    private function repairs(): bool
    {
        $settings = $this->settings->read();

        return $settings->isPublished && $settings->repairsMerges;
    }

    private function saveDoNotContact(Lead $winner, Lead $loser): void
    {
        $held = [];
        foreach ($winner->getDoNotContact()->toArray() as $entry) {
            $held[$entry->getChannel()] = $entry;
        }
        foreach ($loser->getDoNotContact()->toArray() as $entry) {
            $own = $held[$entry->getChannel()] ?? null;
            if (DoNotContactRepair::takesOver(null === $own ? null : (int) $own->getReason(), (int) $entry->getReason())) {
                $this->copyEntry($entry, $winner, $own);
            }
        }
    }

    /** Gives the survivor an entry as it was, with its date, which Mautic's model would make today. */
    private function copyEntry(Entry $entry, Lead $winner, ?Entry $own): void
    {
        if (null === $own) {
            $own = $this->doNotContact->createDncRecord($winner, $entry->getChannel(), $entry->getReason(), $entry->getComments());
        } else {
            $winner->removeDoNotContactEntry($own);
            $this->doNotContact->updateDncRecord($own, $winner, $entry->getChannel(), $entry->getReason(), $entry->getComments());
        }
        $own->setChannelId($entry->getChannelId());
        if (null !== $entry->getDateAdded()) {
            $own->setDateAdded(\DateTime::createFromInterface($entry->getDateAdded()));
        }
    }

    private function copyRows(int $winnerId, int $loserId): void
    {
        try {
            $this->connection->executeStatement(Sql::copyUtmTags(Tables::prefix()), [$winnerId, $loserId]);
            $this->connection->executeStatement(Sql::copyStageLog(Tables::prefix()), [$winnerId, $loserId]);
        } catch (DatabaseException $error) {
            $this->logger->error('Salesforce sidecar: UTM tags or stage log of a merged contact are lost: '.$error->getMessage());
        }
    }
}
