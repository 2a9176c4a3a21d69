<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Mautic\CoreBundle\Cache\ResultCacheOptions;
use Mautic\LeadBundle\Entity\LeadField;
use Mautic\LeadBundle\Model\FieldModel;
use MauticPlugin\SalesforceSidecarBundle\Core\FieldValues;
use MauticPlugin\SalesforceSidecarBundle\Core\ItemError;
use MauticPlugin\SalesforceSidecarBundle\Form\Type\SentFieldsType;
use Symfony\Component\Form\FormBuilderInterface;
use Symfony\Component\Form\FormFactoryInterface;

/** The contact fields of this Mautic: which there are, and whether a value is good for one. */
class ContactFields
{
    /** @var array<string, array<string, mixed>>|null */
    private ?array $fields = null;
    /** @var array<string, FormBuilderInterface> one for each set of fields, as building costs more than using */
    private array $builders = [];

    public function __construct(
        private FieldModel $model,
        private FormFactoryInterface $forms,
    ) {
    }

    /** @return array<string, array<string, mixed>> the published ones by alias */
    public function all(): array
    {
        if (null === $this->fields) {
            $conditions = [
                ['column' => 'f.isPublished', 'expr' => 'eq', 'value' => true],
                ['column' => 'f.object', 'expr' => 'eq', 'value' => 'lead'],
            ];
            $this->fields = [];
            foreach ($this->model->getEntities([
                'filter'         => ['force' => $conditions],
                'hydration_mode' => 'HYDRATE_ARRAY',
                'result_cache'   => new ResultCacheOptions(LeadField::CACHE_NAMESPACE),
            ]) as $field) {
                $this->fields[$field['alias']] = $field;
            }
        }

        return $this->fields;
    }

    /** @return list<string> */
    public function unique(): array
    {
        // The property is misspelt in Mautic itself.
        return array_keys(array_filter($this->all(), static fn (array $field): bool => !empty($field['isUniqueIdentifer'])));
    }

    /**
     * Returns the values as Mautic keeps them, or why they are refused.
     *
     * @param array<string, mixed> $values
     *
     * @return array<string, mixed>|ItemError
     */
    public function validated(array $values): array|ItemError
    {
        $bad   = $clean = $asked = [];
        foreach ($values as $alias => $value) {
            $field = $this->all()[$alias];
            if (null === $value) {
                $clean[$alias] = null;
                $bad           = empty($field['isRequired']) ? $bad : [...$bad, $alias];
            } elseif ('number' === $field['type']) {
                $clean[$alias] = FieldValues::isNumber($value) ? (float) $value : null;
                $bad           = FieldValues::isNumber($value) ? $bad : [...$bad, $alias];
            } else {
                $asked[$alias] = FieldValues::forForm($field['type'], $value);
            }
        }
        $form = $this->builder(array_keys($asked))->getForm();
        $form->submit($asked);
        foreach (array_keys($asked) as $alias) {
            $clean[$alias] = $form[$alias]->getData();
            // A value that was sent and is none afterwards was dropped: Mautic's own form says nothing then.
            if (count($form[$alias]->getErrors(true)) > 0 || null === $clean[$alias] || '' === $clean[$alias]) {
                $bad[] = $alias;
            }
        }

        if ([] === $bad && count($form->getErrors()) > 0) {
            $bad = array_keys($asked);
        }

        return [] === $bad ? array_replace($values, $clean) : ItemError::invalid('Mautic refuses a value.', $bad);
    }

    /** @param list<string> $aliases */
    private function builder(array $aliases): FormBuilderInterface
    {
        sort($aliases);
        $key = implode(' ', $aliases);

        return $this->builders[$key] ??= $this->forms->createBuilder(
            SentFieldsType::class,
            null,
            ['fields' => array_intersect_key($this->all(), array_flip($aliases))],
        );
    }
}
