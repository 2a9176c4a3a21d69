<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Form\Type;

use MauticPlugin\SalesforceSidecarBundle\Core\PushChoice;
use Symfony\Component\Form\AbstractType;
use Symfony\Component\Form\Extension\Core\Type\ChoiceType;
use Symfony\Component\Form\Extension\Core\Type\TextType;
use Symfony\Component\Form\FormBuilderInterface;
use Symfony\Component\Validator\Constraints\Length;
use Symfony\Component\Validator\Constraints\Regex;

/** What may be chosen for "Push contact to Salesforce" in a campaign, a form and a point trigger. */
class PushType extends AbstractType
{
    public function buildForm(FormBuilderInterface $builder, array $options): void
    {
        $looks = ['label_attr' => ['class' => 'control-label'], 'attr' => ['class' => 'form-control'], 'required' => false];
        $builder->add('as', ChoiceType::class, [
            'label'       => 'salesforce_sidecar.push.as',
            'placeholder' => false,
            'choices'     => [
                'salesforce_sidecar.push.as.sidecar' => '',
                'salesforce_sidecar.push.as.lead'    => 'Lead',
                'salesforce_sidecar.push.as.contact' => 'Contact',
            ],
        ] + $looks);
        $builder->add('campaign_id', TextType::class, [
            'label'       => 'salesforce_sidecar.push.campaign_id',
            'constraints' => [new Regex(pattern: PushChoice::CAMPAIGN_ID, message: 'salesforce_sidecar.push.campaign_id.wrong')],
        ] + $looks);
        $builder->add('member_status', TextType::class, [
            'label'       => 'salesforce_sidecar.push.member_status',
            'constraints' => [new Length(max: PushChoice::LONGEST_STATUS)],
        ] + $looks);
    }

    public function getBlockPrefix(): string
    {
        return 'salesforce_sidecar_push';
    }
}
