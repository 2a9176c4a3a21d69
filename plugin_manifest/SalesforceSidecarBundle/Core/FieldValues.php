<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Prepares the values of a batch for Mautic's contact form, which expects what a browser sends. */
final class FieldValues
{
    /** Returns what the form is given. Numbers are not given to it, as it would read them in the language of the caller. */
    public static function forForm(string $type, mixed $value): mixed
    {
        return match (true) {
            'multiselect' === $type && !is_array($value) => explode('|', (string) $value),
            'multiselect' === $type                     => array_map(strval(...), $value),
            is_array($value)                            => implode('|', array_map(strval(...), $value)),
            is_bool($value)                             => $value ? '1' : '0',
            default                                     => (string) $value,
        };
    }

    public static function isNumber(mixed $value): bool
    {
        return is_int($value) || is_float($value) || (is_string($value) && is_numeric(trim($value)));
    }

    /** Tells whether nothing would change: Mautic itself takes the blanking of a blank field for a change. */
    public static function isBlankAlready(mixed $new, mixed $current): bool
    {
        return null === $new && (null === $current || '' === $current || [] === $current);
    }

    /**
     * The default values that Mautic gives a new contact for the fields that are not named.
     *
     * @param array<string, array<string, mixed>> $fields by alias
     * @param array<string, mixed>                $given
     *
     * @return array<string, mixed>
     */
    public static function defaults(array $fields, array $given): array
    {
        $defaults = array_map(static fn (array $field): mixed => $field['defaultValue'] ?? null, array_diff_key($fields, $given));

        return array_filter($defaults, static fn (mixed $value): bool => null !== $value && '' !== $value);
    }
}
