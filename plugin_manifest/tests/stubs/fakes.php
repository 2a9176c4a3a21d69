<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Tests;

use Doctrine\DBAL\Connection;
use Mautic\CoreBundle\Helper\EncryptionHelper;
use MauticPlugin\SalesforceSidecarBundle\Service\Caller;
use MauticPlugin\SalesforceSidecarBundle\Service\Clock;
use MauticPlugin\SalesforceSidecarBundle\Service\Http;
use MauticPlugin\SalesforceSidecarBundle\Service\Outbox;
use MauticPlugin\SalesforceSidecarBundle\Service\SettingsReader;
use Psr\Log\LoggerInterface;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpFoundation\RequestStack;

final class SetClock extends Clock
{
    public int $now = 1_800_000_000;

    public function now(): int
    {
        return $this->now;
    }
}

final class Log implements LoggerInterface
{
    /** @var list<string> */
    public array $lines = [];

    public function error(string|\Stringable $message, array $context = []): void
    {
        $this->lines[] = (string) $message;
    }

    public function warning(string|\Stringable $message, array $context = []): void
    {
        $this->lines[] = (string) $message;
    }
}

final class Calls extends Http
{
    /** @var list<array{string, string, array<string, string>, string, int}> */
    public array $made = [];
    public ?string $answer = null;

    public function call(string $method, string $url, array $headers, string $body, int $timeoutMs): ?string
    {
        $this->made[] = [$method, $url, $headers, $body, $timeoutMs];

        return $this->answer;
    }
}

/** A Mautic with the bundle switched on, its tables in memory. SQLite knows neither the table options nor AUTO_INCREMENT. */
final class World
{
    public const KEY = 'a-shared-key-of-at-least-32-characters';
    public Connection $connection;
    public SetClock $clock;
    public SettingsReader $settings;
    public Outbox $outbox;
    public RequestStack $requests;
    public Caller $caller;
    public Log $log;

    public function __construct(bool $isPublished = true, array $keys = [])
    {
        $this->connection = new Connection(new \PDO('sqlite::memory:'));
        $this->clock      = new SetClock();
        $this->log        = new Log();
        $this->requests   = new RequestStack();
        foreach ([
            'CREATE TABLE mtc_sidecar_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, dedupe_key TEXT UNIQUE, kind TEXT, what TEXT, object_id INTEGER, into_id INTEGER, details TEXT, date_added TEXT)',
            'CREATE TABLE mtc_plugin_integration_settings (name TEXT, is_published INTEGER, api_keys TEXT)',
            'CREATE TABLE mtc_oauth2_clients (id INTEGER, random_id TEXT)',
            'CREATE TABLE mtc_oauth2_accesstokens (client_id INTEGER, token TEXT, expires_at INTEGER)',
            'CREATE TABLE mtc_lead_donotcontact (id INTEGER PRIMARY KEY, lead_id INTEGER, channel TEXT, reason INTEGER, comments TEXT, date_added TEXT)',
            'CREATE TABLE mtc_lead_utmtags (id INTEGER PRIMARY KEY, lead_id INTEGER, date_added TEXT, query TEXT, referer TEXT, remote_host TEXT, url TEXT, user_agent TEXT, utm_campaign TEXT, utm_content TEXT, utm_medium TEXT, utm_source TEXT, utm_term TEXT)',
            'CREATE TABLE mtc_lead_stages_change_log (id INTEGER PRIMARY KEY, lead_id INTEGER, stage_id INTEGER, event_name TEXT, action_name TEXT, date_added TEXT)',
            "INSERT INTO mtc_oauth2_clients VALUES (3, 'abc'), (4, 'other')",
            "INSERT INTO mtc_oauth2_accesstokens VALUES (3, 'ours', 1800003600), (3, 'old', 1799999999), (4, 'theirs', 1800003600)",
        ] as $sql) {
            $this->connection->executeStatement($sql);
        }
        $keys += ['sidecar_url' => 'https://sidecar.example/', 'instance' => 'acme', 'shared_key' => self::KEY, 'client_id' => '3_abc'];
        $kept = serialize(array_map(static fn ($value) => base64_encode(serialize($value)).'|'.base64_encode('iv'), $keys));
        $this->connection->executeStatement('INSERT INTO mtc_plugin_integration_settings VALUES (?, ?, ?)', ['SalesforceSidecar', (int) $isPublished, $kept]);
        $this->settings = new SettingsReader($this->connection, new EncryptionHelper(), $this->clock);
        $this->outbox   = new Outbox($this->connection, $this->settings, $this->clock, $this->log);
        $this->caller   = new Caller($this->requests, $this->connection, $this->settings, $this->clock);
    }

    public function isCalledBy(string $token, string $path = '/api/contacts/1/edit', string $mark = '1'): void
    {
        $this->requests->request = new Request($path, ['Authorization' => 'Bearer '.$token, 'X-Sidecar-Write' => $mark]);
    }

    /** @return list<string> the rows as "what:object", in the order of their ids */
    public function told(): array
    {
        return array_map(static fn (array $row): string => "{$row['kind']} {$row['what']} {$row['object_id']}", $this->outbox->rows(0, 1000));
    }
}
