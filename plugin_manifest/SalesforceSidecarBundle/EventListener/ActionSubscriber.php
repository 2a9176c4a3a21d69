<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use Mautic\CampaignBundle\CampaignEvents;
use Mautic\CampaignBundle\Event\CampaignBuilderEvent;
use Mautic\CampaignBundle\Event\PendingEvent;
use Mautic\FormBundle\Event\FormBuilderEvent;
use Mautic\FormBundle\Event\SubmissionEvent;
use Mautic\FormBundle\FormEvents;
use Mautic\PointBundle\Event\TriggerBuilderEvent;
use Mautic\PointBundle\Event\TriggerExecutedEvent;
use Mautic\PointBundle\PointEvents;
use MauticPlugin\SalesforceSidecarBundle\Core\Changes;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\PushChoice;
use MauticPlugin\SalesforceSidecarBundle\Form\Type\PushType;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Contracts\Translation\TranslatorInterface;

/** "Push contact to Salesforce" in campaigns, forms and point triggers: one row in the outbox for each contact, and nothing else. */
class ActionSubscriber implements EventSubscriberInterface
{
    private const ACTION   = 'salesforce_sidecar.push';
    private const CAMPAIGN = 'mautic.salesforce_sidecar.push_of_campaign';
    private const FORM     = 'mautic.salesforce_sidecar.push_of_form';
    private const POINT    = 'mautic.salesforce_sidecar.push_of_point';

    public function __construct(
        private Outbox $outbox,
        private TranslatorInterface $translator,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            CampaignEvents::CAMPAIGN_ON_BUILD => 'onCampaignBuild',
            FormEvents::FORM_ON_BUILD         => 'onFormBuild',
            PointEvents::TRIGGER_ON_BUILD     => 'onPointBuild',
            self::CAMPAIGN                    => 'onCampaign',
            self::FORM                        => 'onForm',
            self::POINT                       => 'onPoint',
        ];
    }

    public function onCampaignBuild(CampaignBuilderEvent $event): void
    {
        $event->addAction(self::ACTION, ['batchEventName' => self::CAMPAIGN] + $this->looks());
    }

    public function onFormBuild(FormBuilderEvent $event): void
    {
        $event->addSubmitAction(self::ACTION, ['group' => 'salesforce_sidecar.push.group', 'eventName' => self::FORM] + $this->looks());
    }

    public function onPointBuild(TriggerBuilderEvent $event): void
    {
        $event->addEvent(self::ACTION, ['group' => 'salesforce_sidecar.push.group', 'eventName' => self::POINT] + $this->looks());
    }

    /** A campaign tries those again that failed: while the integration is switched off none is lost. */
    public function onCampaign(PendingEvent $event): void
    {
        $action = $event->getEvent();
        $choice = PushChoice::fromConfig((array) $action->getProperties());
        $source = 'campaign:'.$action->getCampaign()->getId();
        $ids    = [];
        foreach ($event->getPending() as $log) {
            $ids = [...$ids, ...Changes::ids([$log->getLead()])];
        }
        $rows = array_map(static fn (int $id): OutboxRow => OutboxRow::push($id, $choice, $source), $ids);
        if ($this->outbox->add(...$rows)) {
            $event->passAll();
        } else {
            $event->failAll($this->translator->trans('salesforce_sidecar.push.off'));
        }
    }

    public function onForm(SubmissionEvent $event): void
    {
        $this->push([$event->getSubmission()->getLead()], $event->getActionConfig(), 'form:'.$event->getForm()->getId());
    }

    public function onPoint(TriggerExecutedEvent $event): void
    {
        $trigger   = $event->getTriggerEvent();
        $isWritten = $this->push([$event->getLead()], (array) $trigger->getProperties(), 'point:'.$trigger->getTrigger()->getId());
        // The name is misspelt in Mautic itself.
        $isWritten ? $event->setSucceded() : $event->setFailed();
    }

    /**
     * @param mixed[] $contacts
     * @param mixed[] $config
     */
    private function push(array $contacts, array $config, string $source): bool
    {
        $choice = PushChoice::fromConfig($config);

        return $this->outbox->add(...array_map(static fn (int $id): OutboxRow => OutboxRow::push($id, $choice, $source), Changes::ids(array_filter($contacts))));
    }

    /** @return array<string, string> */
    private function looks(): array
    {
        return ['label' => 'salesforce_sidecar.push.label', 'description' => 'salesforce_sidecar.push.description', 'formType' => PushType::class];
    }
}
