<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use Mautic\PluginBundle\Entity\Plugin;
use Mautic\PluginBundle\Event\PluginInstallEvent;
use Mautic\PluginBundle\Event\PluginIntegrationEvent;
use Mautic\PluginBundle\Event\PluginUpdateEvent;
use Mautic\PluginBundle\PluginEvents;
use MauticPlugin\SalesforceSidecarBundle\Core\Settings;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;

/** Makes the table when the bundle comes, and notes since when it tells everything. Mautic 5.1 dispatches these events as 7 does. */
class InstallSubscriber implements EventSubscriberInterface
{
    public function __construct(
        private Outbox $outbox,
        private SettingsReader $settings,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            PluginEvents::ON_PLUGIN_INSTALL                 => 'onInstall',
            PluginEvents::ON_PLUGIN_UPDATE                  => 'onUpdate',
            PluginEvents::PLUGIN_ON_INTEGRATION_CONFIG_SAVE => 'onSettings',
        ];
    }

    public function onInstall(PluginInstallEvent $event): void
    {
        $this->prepare($event->getPlugin());
    }

    public function onUpdate(PluginUpdateEvent $event): void
    {
        $this->prepare($event->getPlugin());
    }

    /** The settings are not saved yet: what the database says is how it was. */
    public function onSettings(PluginIntegrationEvent $event): void
    {
        $isOurs = Settings::INTEGRATION === $event->getIntegrationName();
        if ($isOurs && $event->getEntity()->getIsPublished() && !$this->settings->isPublishedInDatabase()) {
            $this->outbox->createTable();
            $this->outbox->begin();
        }
    }

    private function prepare(Plugin $plugin): void
    {
        if (Settings::BUNDLE === $plugin->getBundle()) {
            $this->outbox->createTable();
            $this->outbox->begin();
        }
    }
}
