<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Tells what in Mautic's events concerns the sidecar. */
final class Changes
{
    /** Set by every visit and every open e-mail, so that they say nothing about who somebody is. */
    private const MERE_ACTIVITY = ['dateLastActive', 'lastActive', 'last_active', 'ipAddresses', 'ipAddressList'];

    /** @param mixed $changes what a save changed, by property; false or null for nothing */
    public static function matter(bool $isNew, mixed $changes): bool
    {
        return $isNew || (is_array($changes) && [] !== array_diff_key($changes, array_flip(self::MERE_ACTIVITY)));
    }

    /**
     * Returns the ids of contacts, which Mautic's events carry as entities, as rows or as plain ids.
     *
     * @param iterable<mixed> $contacts
     *
     * @return list<int>
     */
    public static function ids(iterable $contacts): array
    {
        $ids = [];
        foreach ($contacts as $contact) {
            $id = match (true) {
                is_object($contact) && method_exists($contact, 'getId') => $contact->getId(),
                is_array($contact)                                     => $contact['id'] ?? $contact['lead_id'] ?? 0,
                default                                                => $contact,
            };
            if (is_numeric($id) && (int) $id > 0) {
                $ids[(int) $id] = (int) $id;
            }
        }

        return array_values($ids);
    }
}
