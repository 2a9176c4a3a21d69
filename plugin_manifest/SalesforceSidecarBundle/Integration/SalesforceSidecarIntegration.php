<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Integration;

use Mautic\CoreBundle\Form\Type\YesNoButtonGroupType;
use Mautic\PluginBundle\Integration\AbstractIntegration;
use MauticPlugin\SalesforceSidecarBundle\Core\Settings;
use Symfony\Component\Form\Extension\Core\Type\TextType;

/** The tile on the plugins page and its dialog. It has no constructor: see Config/services.php. */
class SalesforceSidecarIntegration extends AbstractIntegration
{
    public function getName(): string
    {
        return Settings::INTEGRATION;
    }

    public function getDisplayName(): string
    {
        return 'Salesforce (sidecar)';
    }

    public function getAuthenticationType(): string
    {
        return 'none';
    }

    /** @return array<string, string> */
    public function getRequiredKeyFields(): array
    {
        return [
            'sidecar_url' => 'salesforce_sidecar.settings.sidecar_url',
            'instance'    => 'salesforce_sidecar.settings.instance',
            'shared_key'  => 'salesforce_sidecar.settings.shared_key',
        ];
    }

    /** @return list<string> */
    public function getSecretKeys(): array
    {
        return ['shared_key'];
    }

    /**
     * Adds what may stay empty, and the switch; both are kept with the keys.
     *
     * @param mixed $builder
     * @param mixed $data
     * @param mixed $formArea
     */
    public function appendToForm(&$builder, $data, $formArea): void
    {
        if ('keys' !== $formArea) {
            return;
        }
        $builder->add('client_id', TextType::class, [
            'label'      => 'salesforce_sidecar.settings.client_id',
            'label_attr' => ['class' => 'control-label'],
            'attr'       => ['class' => 'form-control', 'autocomplete' => 'off', 'tooltip' => 'salesforce_sidecar.settings.client_id.help'],
            'required'   => false,
            'data'       => $data['client_id'] ?? '',
        ]);
        $builder->add('repair_merges', YesNoButtonGroupType::class, [
            'label'      => 'salesforce_sidecar.settings.repair_merges',
            'label_attr' => ['class' => 'control-label'],
            'attr'       => ['tooltip' => 'salesforce_sidecar.settings.repair_merges.help'],
            'required'   => false,
            'data'       => (int) ($data['repair_merges'] ?? 1),
        ]);
    }

    /**
     * Shows the button that opens the sidecar below the fields.
     *
     * @param mixed $section
     *
     * @return mixed[]
     */
    public function getFormNotes($section): array
    {
        if ('custom' !== $section) {
            return parent::getFormNotes($section);
        }

        return [
            'custom'     => true,
            'template'   => '@SalesforceSidecar/Integration/open.html.twig',
            'parameters' => ['isPublished' => (bool) $this->settings->getIsPublished()],
        ];
    }
}
