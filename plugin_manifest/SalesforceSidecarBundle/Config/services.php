<?php

declare(strict_types=1);

use MauticPlugin\SalesforceSidecarBundle\Integration\SalesforceSidecarIntegration;
use Symfony\Component\DependencyInjection\Loader\Configurator\ContainerConfigurator;

// Everything is autowired: the argument list of AbstractIntegration differs between Mautic 5 and 6, and no list of ours
// could fit both. Core/ holds plain values and is no service.
return static function (ContainerConfigurator $configurator): void {
    $services = $configurator->services()->defaults()->autowire()->autoconfigure()->public();
    $namespace = 'MauticPlugin\\SalesforceSidecarBundle\\';

    foreach (['EventListener', 'Form', 'Integration', 'Service'] as $folder) {
        $services->load($namespace.$folder.'\\', '../'.$folder.'/');
    }
    $services->load($namespace.'Controller\\', '../Controller/')->tag('controller.service_arguments');

    $services->alias('mautic.integration.salesforcesidecar', SalesforceSidecarIntegration::class);
};
