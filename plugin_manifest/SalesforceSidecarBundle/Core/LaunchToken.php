<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** The one-time ticket with which a user of Mautic enters the sidecar: a JSON Web Token, HS256. */
final class LaunchToken
{
    public const SECONDS = 60;

    /** @param array<string, scalar> $claims */
    public static function sign(array $claims, string $key): string
    {
        $signed = self::part(['alg' => 'HS256', 'typ' => 'JWT']).'.'.self::part($claims);

        return $signed.'.'.self::base64(hash_hmac('sha256', $signed, $key, true));
    }

    /**
     * Returns what a ticket says.
     *
     * @param array{id: int|string|null, name: string, email: string, locale: ?string} $user
     *
     * @return array<string, scalar>
     */
    public static function claims(Settings $settings, array $user, bool $admin, bool $editOthers, string $path, int $now, string $id): array
    {
        return [
            'iss'         => 'mautic',
            'aud'         => $settings->instance,
            'iat'         => $now,
            'exp'         => $now + self::SECONDS,
            'jti'         => $id,
            'sub'         => (string) $user['id'],
            'name'        => $user['name'],
            'email'       => $user['email'],
            'locale'      => (string) $user['locale'],
            'admin'       => $admin,
            'edit_others' => $editOthers,
            'path'        => $path,
        ];
    }

    public static function newId(): string
    {
        return bin2hex(random_bytes(16));
    }

    /** @param array<string, scalar> $content */
    private static function part(array $content): string
    {
        return self::base64(json_encode($content, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_INVALID_UTF8_SUBSTITUTE));
    }

    private static function base64(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }
}
