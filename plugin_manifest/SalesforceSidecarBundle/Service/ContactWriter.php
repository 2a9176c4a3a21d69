<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

use Doctrine\ORM\EntityManagerInterface;
use Mautic\LeadBundle\DataObject\LeadManipulator;
use Mautic\LeadBundle\Entity\DoNotContact as Entry;
use Mautic\LeadBundle\Entity\Lead;
use Mautic\LeadBundle\Model\DoNotContact;
use Mautic\LeadBundle\Model\LeadModel;
use Mautic\UserBundle\Entity\User;
use MauticPlugin\SalesforceSidecarBundle\Core\BulkItem;
use MauticPlugin\SalesforceSidecarBundle\Core\FieldValues;
use MauticPlugin\SalesforceSidecarBundle\Core\ItemError;

/** Writes single contacts of a batch through Mautic's own model, so that dates, audit log and events are those of any other save. */
class ContactWriter
{
    public function __construct(
        private EntityManagerInterface $entities,
        private LeadModel $contacts,
        private DoNotContact $doNotContact,
        private ContactFields $fields,
    ) {
    }

    /**
     * Loads contacts in one go, with the collections that the items need.
     *
     * @param list<int> $ids
     *
     * @return array<int, Lead>
     */
    public function load(array $ids, bool $withTags, bool $withDoNotContact): array
    {
        if ([] === $ids) {
            return [];
        }
        $found = [];
        foreach ($this->contacts->getEntities([
            'filter'           => ['force' => [['column' => 'l.id', 'expr' => 'in', 'value' => $ids]]],
            'ignore_paginator' => true,
        ]) as $contact) {
            $found[(int) $contact->getId()] = $contact;
        }
        foreach (array_keys(array_filter(['tags' => $withTags, 'doNotContact' => $withDoNotContact])) as $collection) {
            $this->entities
                ->createQuery('SELECT contact, part FROM '.Lead::class.' contact LEFT JOIN contact.'.$collection.' part WHERE contact.id IN (:ids)')
                ->setParameter('ids', $ids)
                ->getResult();
        }

        return $found;
    }

    /** @return array{id: int, created: bool, changed: bool}|ItemError */
    public function write(BulkItem $item, ?Lead $contact): array|ItemError
    {
        $values = $this->fields->validated($item->fields);
        if ($values instanceof ItemError) {
            return $values;
        }
        $isNew = null === $contact;
        $contact ??= new Lead();
        $this->setFields($contact, $isNew ? $values + FieldValues::defaults($this->fields->all(), $values) : $values);
        if ([] !== $item->tags) {
            $this->contacts->modifyTags($contact, $item->tags, null, false);
        }
        if ($item->hasOwner && $item->owner !== $contact->getOwner()?->getId()) {
            $contact->setOwner(null === $item->owner ? null : $this->entities->getReference(User::class, $item->owner));
        }
        if (null !== $item->doNotContact) {
            $this->setDoNotContact($contact, $item->doNotContact);
        }
        $isChanged = $isNew || [] !== $contact->getChanges();
        if ($isChanged) {
            $contact->setManipulator(new LeadManipulator('salesforce_sidecar', 'bulk', null, 'Salesforce (sidecar)'));
            $this->contacts->saveEntity($contact);
        }

        return ['id' => (int) $contact->getId(), 'created' => $isNew, 'changed' => $isChanged];
    }

    /** @param array<string, mixed> $values */
    private function setFields(Lead $contact, array $values): void
    {
        foreach ($values as $alias => $value) {
            if (FieldValues::isBlankAlready($value, $contact->getFieldValue($alias))) {
                unset($values[$alias]);
            }
        }
        if ([] !== $values) {
            // Blanks overwrite, social networks are not asked, and the form was ours.
            $this->contacts->setFieldValues($contact, $values, true, false, false);
        }
    }

    /**
     * Does what Mautic does: the same reason again changes nothing, and what the person asked for is not overridden.
     *
     * @param array{channel: string, remove: bool, reason: int, comments: string} $wish
     */
    private function setDoNotContact(Lead $contact, array $wish): void
    {
        foreach ($contact->getDoNotContact()->toArray() as $entry) {
            if ($entry->getChannel() !== $wish['channel']) {
                continue;
            }
            if ($wish['remove']) {
                $contact->removeDoNotContactEntry($entry);
            } elseif (Entry::UNSUBSCRIBED !== (int) $entry->getReason() && $wish['reason'] !== (int) $entry->getReason()) {
                $contact->removeDoNotContactEntry($entry);
                $this->doNotContact->updateDncRecord($entry, $contact, $wish['channel'], $wish['reason'], $wish['comments']);
            }

            return;
        }
        if (!$wish['remove']) {
            $this->doNotContact->createDncRecord($contact, $wish['channel'], $wish['reason'], $wish['comments']);
        }
    }
}
