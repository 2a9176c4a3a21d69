<?php

declare(strict_types=1);

// Says what the bundle's classes make of a question on standard input, for the tests of the other parties.
require __DIR__.'/bootstrap.php';

use MauticPlugin\SalesforceSidecarBundle\Core\LaunchToken;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\Settings;
use MauticPlugin\SalesforceSidecarBundle\Core\Signature;
use MauticPlugin\SalesforceSidecarBundle\Core\Sql;

$asked    = json_decode((string) file_get_contents('php://stdin'), true, 16, JSON_THROW_ON_ERROR);
$settings = Settings::fromKeys(true, ['sidecar_url' => 'https://sidecar.example', 'instance' => $asked['instance'], 'shared_key' => $asked['key']]);
$user     = ['id' => 7, 'name' => $asked['name'], 'email' => 'zoe@example.org', 'locale' => null];
$rows     = [OutboxRow::contactChanged(17), OutboxRow::contactDeleted(18, 'zoe@example.org', []), OutboxRow::contactChanged(17), OutboxRow::began()];
$prefix   = 'mtc_';

echo json_encode([
    'token'     => LaunchToken::sign(LaunchToken::claims($settings, $user, true, false, 'contact/17', $asked['now'], LaunchToken::newId()), $asked['key']),
    'signature' => Signature::of($asked['body'], $asked['key']),
    'version'   => Settings::VERSION,
    'config'    => require dirname(__DIR__).'/SalesforceSidecarBundle/Config/config.php',
    'create'    => Sql::createOutbox($prefix),
    'rows'      => array_map(static fn (OutboxRow $row): array => [Sql::replaceRows($prefix, 1), $row->values($asked['now'])], $rows),
    'copies'    => [Sql::copyUtmTags($prefix), Sql::copyStageLog($prefix)],
    'reads'     => [
        [Sql::readRows($prefix, 1000), [0]],
        [Sql::deleteRows($prefix, 2), [1, 2]],
        [Sql::beganAt($prefix), []],
        [Sql::summary($prefix), []],
        [Sql::settings($prefix), ['SalesforceSidecar']],
        [Sql::clientOfToken($prefix), ['x', $asked['now']]],
        [Sql::doNotContactOf($prefix), [1]],
        [Sql::existing($prefix, 'leads', 2), [1, 2]],
        [Sql::existing($prefix, 'users', 1), [1]],
        [Sql::mergedInto($prefix, 1), [1]],
        [Sql::holders($prefix, ['email' => 2, 'firstname' => 1]), ['a', 'b', 'c']],
    ],
], JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE);
