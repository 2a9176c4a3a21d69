<?php

declare(strict_types=1);

use MauticPlugin\SalesforceSidecarBundle\Controller\ApiController;
use MauticPlugin\SalesforceSidecarBundle\Controller\BulkController;
use MauticPlugin\SalesforceSidecarBundle\Controller\ContactController;
use MauticPlugin\SalesforceSidecarBundle\Controller\LaunchController;

// The version stands here from the first install on: where a plugin gets one only later, Mautic's reload ends in an error.
return [
    'name'        => 'Salesforce (sidecar)',
    'description' => 'Opens the sidecar that keeps Mautic and Salesforce in step, and tells it at once what changes.',
    'version'     => '0.1.0',
    'author'      => 'Mautic Salesforce sidecar',
    'routes'      => [
        'main' => [
            'salesforce_sidecar_open' => [
                'path'         => '/salesforce-sidecar/open/{contactId}',
                'controller'   => LaunchController::class.'::openAction',
                'method'       => 'GET',
                'defaults'     => ['contactId' => 0],
                'requirements' => ['contactId' => '\d+'],
            ],
            'salesforce_sidecar_contact' => [
                'path'         => '/salesforce-sidecar/contact/{contactId}',
                'controller'   => ContactController::class.'::stateAction',
                'method'       => 'GET',
                'requirements' => ['contactId' => '\d+'],
            ],
            'salesforce_sidecar_push' => [
                'path'         => '/salesforce-sidecar/contact/{contactId}/push',
                'controller'   => ContactController::class.'::pushAction',
                'method'       => 'POST',
                'requirements' => ['contactId' => '\d+'],
            ],
        ],
        'api' => [
            'salesforce_sidecar_api_status' => [
                'path'       => '/sidecar/status',
                'controller' => ApiController::class.'::statusAction',
                'method'     => 'GET',
            ],
            'salesforce_sidecar_api_outbox' => [
                'path'       => '/sidecar/outbox',
                'controller' => ApiController::class.'::outboxAction',
                'method'     => 'GET',
            ],
            'salesforce_sidecar_api_done' => [
                'path'       => '/sidecar/outbox/done',
                'controller' => ApiController::class.'::doneAction',
                'method'     => 'POST',
            ],
            'salesforce_sidecar_api_bulk' => [
                'path'       => '/sidecar/contacts/bulk',
                'controller' => BulkController::class.'::writeAction',
                'method'     => 'POST',
            ],
        ],
    ],
    'menu' => [
        'main' => [
            'items' => [
                'salesforce_sidecar.menu' => [
                    'id'             => 'salesforce_sidecar_open',
                    'route'          => 'salesforce_sidecar_open',
                    'access'         => ['plugin:plugins:manage', 'lead:leads:viewother'],
                    'iconClass'      => 'ri-cloud-line',
                    'priority'       => 5,
                    // A target also keeps Mautic from fetching the link in the background.
                    'linkAttributes' => ['target' => '_blank', 'rel' => 'noopener', 'id' => 'salesforce_sidecar_open'],
                    'checks'         => ['integration' => ['SalesforceSidecar' => ['enabled' => true]]],
                ],
            ],
        ],
    ],
];
