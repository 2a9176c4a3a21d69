<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\EventListener;

use MauticPlugin\SalesforceSidecarBundle\Service\Caller;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\Sidecar;
use Symfony\Component\Console\ConsoleEvents;
use Symfony\Component\EventDispatcher\EventSubscriberInterface;
use Symfony\Component\HttpKernel\Event\ControllerEvent;
use Symfony\Component\HttpKernel\KernelEvents;

/** What is done at the beginning and at the end of a request or a command. */
class RequestSubscriber implements EventSubscriberInterface
{
    public function __construct(
        private Caller $caller,
        private Outbox $outbox,
        private Sidecar $sidecar,
    ) {
    }

    public static function getSubscribedEvents(): array
    {
        return [
            KernelEvents::CONTROLLER => 'onController',
            KernelEvents::TERMINATE  => 'onEnd',
            ConsoleEvents::TERMINATE => 'onEnd',
        ];
    }

    /** Says that a sync is writing, as Mautic's own syncs say it: its change report then leaves these writes out. */
    public function onController(ControllerEvent $event): void
    {
        if ($event->isMainRequest() && $this->caller->isOwnWrite()) {
            defined('MAUTIC_INTEGRATION_SYNC_IN_PROGRESS') || define('MAUTIC_INTEGRATION_SYNC_IN_PROGRESS', 'SalesforceSidecar');
        }
    }

    /** Nobody waits for it any more: the answer is on its way. */
    public function onEnd(): void
    {
        if ($this->outbox->settle()) {
            $this->sidecar->wake();
        }
    }
}
