<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle;

use Mautic\PluginBundle\Bundle\PluginBundleBase;

/**
 * Empty on purpose: the hooks for install and update that a bundle class may have differ between Mautic 5 and 6.
 * What is to be done then is in EventListener\InstallSubscriber, which every version calls.
 */
class SalesforceSidecarBundle extends PluginBundleBase
{
}
