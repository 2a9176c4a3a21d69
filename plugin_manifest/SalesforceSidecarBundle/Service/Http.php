<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Service;

/** Calls the sidecar. Nothing is followed but the address itself; whatever goes wrong is no answer. */
class Http
{
    private const LONGEST_ANSWER = 65536;

    /**
     * @param array<string, string> $headers
     *
     * @return string|null the body of an answer 200
     */
    public function call(string $method, string $url, array $headers, string $body, int $timeoutMs): ?string
    {
        $curl  = curl_init($url);
        $lines = array_map(static fn (string $name, string $value): string => $name.': '.$value, array_keys($headers), $headers);
        $read  = '';
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST     => $method,
            CURLOPT_HTTPHEADER        => $lines,
            CURLOPT_TIMEOUT_MS        => $timeoutMs,
            CURLOPT_CONNECTTIMEOUT_MS => $timeoutMs,
            CURLOPT_NOSIGNAL          => true,
            CURLOPT_FOLLOWLOCATION    => false,
            CURLOPT_PROTOCOLS         => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_WRITEFUNCTION     => static function ($curl, string $part) use (&$read): int {
                $read .= $part;

                // Less than was given makes curl stop.
                return strlen($read) > self::LONGEST_ANSWER ? 0 : strlen($part);
            },
        ]);
        if ('' !== $body) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, $body);
        }
        $isWhole = false !== curl_exec($curl);

        return $isWhole && 200 === curl_getinfo($curl, CURLINFO_RESPONSE_CODE) ? $read : null;
    }
}
