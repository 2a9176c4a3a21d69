<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Core;

/** Every statement of the bundle. A prefix stands before the names of Mautic's tables; values are always bound. */
final class Sql
{
    public const COLUMNS = ['dedupe_key', 'kind', 'what', 'object_id', 'into_id', 'details', 'date_added'];
    private const UTM = 'date_added, query, referer, remote_host, url, user_agent, utm_campaign, utm_content, utm_medium, utm_source, utm_term';
    private const STAGES = 'stage_id, event_name, action_name, date_added';

    public static function createOutbox(string $prefix): string
    {
        return "CREATE TABLE IF NOT EXISTS {$prefix}sidecar_outbox (
            id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
            dedupe_key VARCHAR(64) NULL,
            kind VARCHAR(16) NOT NULL,
            what VARCHAR(16) NOT NULL,
            object_id BIGINT UNSIGNED NOT NULL,
            into_id BIGINT UNSIGNED NULL,
            details LONGTEXT NULL,
            date_added DATETIME NOT NULL,
            PRIMARY KEY (id),
            UNIQUE KEY {$prefix}sidecar_outbox_key (dedupe_key)
        ) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4";
    }

    public static function replaceRows(string $prefix, int $count): string
    {
        $row = '('.self::marks(count(self::COLUMNS)).')';

        return "REPLACE INTO {$prefix}sidecar_outbox (".implode(', ', self::COLUMNS).') VALUES '.implode(', ', array_fill(0, $count, $row));
    }

    public static function readRows(string $prefix, int $limit): string
    {
        return "SELECT id, kind, what, object_id, into_id, details, date_added FROM {$prefix}sidecar_outbox"
            ." WHERE kind <> 'began' AND id > ? ORDER BY id LIMIT {$limit}";
    }

    public static function deleteRows(string $prefix, int $count): string
    {
        return "DELETE FROM {$prefix}sidecar_outbox WHERE kind <> 'began' AND id IN (".self::marks($count).')';
    }

    public static function beganAt(string $prefix): string
    {
        return "SELECT date_added FROM {$prefix}sidecar_outbox WHERE dedupe_key = 'began'";
    }

    public static function summary(string $prefix): string
    {
        return "SELECT COUNT(*) AS waiting, MIN(date_added) AS oldest_at FROM {$prefix}sidecar_outbox WHERE kind <> 'began'";
    }

    public static function settings(string $prefix): string
    {
        return "SELECT is_published, api_keys FROM {$prefix}plugin_integration_settings WHERE name = ?";
    }

    /** The client of a token that has not run out, named as it signs in: its number, an underscore, its random id. */
    public static function clientOfToken(string $prefix): string
    {
        return "SELECT client.id, client.random_id FROM {$prefix}oauth2_accesstokens AS token"
            ." JOIN {$prefix}oauth2_clients AS client ON client.id = token.client_id"
            .' WHERE token.token = ? AND (token.expires_at IS NULL OR token.expires_at > ?)';
    }

    public static function doNotContactOf(string $prefix): string
    {
        return "SELECT channel, reason, comments, date_added FROM {$prefix}lead_donotcontact WHERE lead_id = ? ORDER BY id";
    }

    /** Copies, as the loser's own rows go with it: survivor, loser. */
    public static function copyUtmTags(string $prefix): string
    {
        return "INSERT INTO {$prefix}lead_utmtags (lead_id, ".self::UTM.') SELECT ?, '.self::UTM." FROM {$prefix}lead_utmtags WHERE lead_id = ?";
    }

    public static function copyStageLog(string $prefix): string
    {
        return "INSERT INTO {$prefix}lead_stages_change_log (lead_id, ".self::STAGES.') SELECT ?, '.self::STAGES
            ." FROM {$prefix}lead_stages_change_log WHERE lead_id = ?";
    }

    public static function existing(string $prefix, string $table, int $count): string
    {
        return "SELECT id FROM {$prefix}{$table} WHERE id IN (".self::marks($count).')';
    }

    /** Oldest first, so that of several merges of one id the last one counts. */
    public static function mergedInto(string $prefix, int $count): string
    {
        return "SELECT merged_id, contact_id FROM {$prefix}contact_merge_records WHERE merged_id IN (".self::marks($count).') ORDER BY date_added, id';
    }

    /**
     * One question for all unique fields of a batch.
     *
     * @param array<string, int> $counts how many values are asked for, by field; the names are aliases of Mautic's own field list
     */
    public static function holders(string $prefix, array $counts): string
    {
        $wanted = [];
        foreach ($counts as $alias => $count) {
            $wanted[] = self::column($alias).' IN ('.self::marks($count).')';
        }

        return 'SELECT id, '.implode(', ', array_map(self::column(...), array_keys($counts)))." FROM {$prefix}leads WHERE ".implode(' OR ', $wanted);
    }

    public static function column(string $alias): string
    {
        if (1 !== preg_match('/^[a-z0-9_]+$/iD', $alias)) {
            throw new \InvalidArgumentException('This is not the alias of a field.');
        }

        return '`'.$alias.'`';
    }

    private static function marks(int $count): string
    {
        return implode(', ', array_fill(0, $count, '?'));
    }
}
