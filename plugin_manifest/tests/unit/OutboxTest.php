<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Tests;

use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use MauticPlugin\SalesforceSidecarBundle\Controller\ApiController;
use MauticPlugin\SalesforceSidecarBundle\Core\OutboxRow;
use MauticPlugin\SalesforceSidecarBundle\Core\PushChoice;
use MauticPlugin\SalesforceSidecarBundle\Core\Signature;
use MauticPlugin\SalesforceSidecarBundle\EventListener\RequestSubscriber;
use MauticPlugin\SalesforceSidecarBundle\Service\Sidecar;
use PHPUnit\Framework\TestCase;
use Symfony\Component\HttpFoundation\Request;

final class OutboxTest extends TestCase
{
    public function testAContactHasOneRowWithANewIdForEachChangeAndPushesAreNeverJoined(): void
    {
        $world = new World();
        $push  = OutboxRow::push(17, PushChoice::fromConfig(['as' => 'Lead']), 'form:2');
        self::assertTrue($world->outbox->add(OutboxRow::contactChanged(17), OutboxRow::contactChanged(18), $push, $push));
        $first = $world->outbox->rows(0, 10)[0]['id'];
        $world->outbox->add(OutboxRow::contactChanged(17));
        $rows = $world->outbox->rows(0, 10);
        self::assertSame(['contact changed 18', 'push push 17', 'push push 17', 'contact changed 17'], $world->told());
        self::assertGreaterThan($first, $rows[3]['id']);
        self::assertSame(['as' => 'Lead', 'campaign_id' => null, 'member_status' => null, 'source' => 'form:2'], $rows[1]['details']);
        self::assertSame('2027-01-15T08:00:00+00:00', $rows[0]['at']);
    }

    public function testHandledRowsGoAndTheBeginningStays(): void
    {
        $world = new World();
        $world->outbox->begin();
        $world->outbox->add(OutboxRow::contactChanged(1), OutboxRow::companyChanged(2));
        [$one] = $world->outbox->rows(0, 1);
        self::assertSame(1, $world->outbox->done([$one['id'], 1, 999]), 'the row of the beginning is not deleted, and gone ids are no error');
        self::assertSame(['began_at' => '2027-01-15T08:01:00+00:00', 'waiting' => 1, 'oldest_at' => '2027-01-15T08:00:00+00:00'], $world->outbox->summary());
        self::assertSame(['company changed 2'], $world->told());
    }

    public function testWhereItCannotBeWrittenTheSaveGoesOnAndTheBeginningMoves(): void
    {
        $world = new World();
        $world->connection->executeStatement('ALTER TABLE mtc_sidecar_outbox RENAME TO away');
        self::assertFalse($world->outbox->add(OutboxRow::contactChanged(1)));
        $world->connection->executeStatement('ALTER TABLE away RENAME TO mtc_sidecar_outbox');
        self::assertNull($world->outbox->summary()['began_at']);
        self::assertFalse($world->outbox->settle());
        self::assertNotNull($world->outbox->summary()['began_at']);
        self::assertCount(1, $world->log->lines);
    }

    public function testSwitchedOffItTellsNothing(): void
    {
        $world = new World(false);
        self::assertFalse($world->outbox->add(OutboxRow::contactChanged(1)));
        self::assertSame([], $world->told());
    }

    public function testTheSidecarIsWokenOnceAfterThePushAndSignedLikeMauticsWebhooks(): void
    {
        $world = new World();
        $calls = new Calls();
        $end   = new RequestSubscriber($world->caller, $world->outbox, new Sidecar($world->settings, $calls, $world->clock));
        $world->outbox->add(OutboxRow::contactChanged(1));
        $end->onEnd();
        self::assertSame([], $calls->made, 'a change alone wakes nobody');
        $push = OutboxRow::push(1, PushChoice::ofTheSidecar(), 'contact tab');
        $world->outbox->add($push, $push);
        $end->onEnd();
        $end->onEnd();
        $body = $calls->made[0][3];
        self::assertMatchesRegularExpression('/^\{"wake":true,"at":"2027-01-15T08:00:00\+00:00","id":"[0-9a-f]{32}"\}$/', $body);
        $head = ['Content-Type' => 'application/json', 'Webhook-Signature' => Signature::of($body, World::KEY)];
        self::assertSame([['POST', 'https://sidecar.example/hooks/acme/push', $head, $body, 1000]], $calls->made);
    }

    public function testTheContactsStateIsAskedWithASignatureAndOnlyItsShapeIsBelieved(): void
    {
        $world         = new World();
        $calls         = new Calls();
        $sidecar       = new Sidecar($world->settings, $calls, $world->clock);
        $calls->answer = '{"state": "linked", "record_url": "javascript://x/%0aalert(1)", "record": "Lead 00Q", "sentence": {"en": "Yes", "fr": "Oui"}, "last_synced_at": null, "waiting_for": {"en": "a person"}}';
        $state         = $sidecar->stateOf(17, 'fr_FR');
        self::assertSame(['linked', null, 'Lead 00Q', 'Oui', 'a person'], [$state->state, $state->recordUrl, $state->record, $state->sentence, $state->waitingFor]);
        $path = '/hooks/acme/contact/17?at=1800000000';
        self::assertSame(['GET', 'https://sidecar.example'.$path], array_slice($calls->made[0], 0, 2));
        self::assertSame(Signature::of('GET '.$path, World::KEY), $calls->made[0][2]['Webhook-Signature']);
        foreach ([null, '', '[]', '{"state": "owned"}', '<html>'] as $answer) {
            $calls->answer = $answer;
            self::assertNull($sidecar->stateOf(17, 'en_US'));
        }
    }

    public function testTheEndpointsAnswerAsAgreed(): void
    {
        $world = new World();
        $world->isCalledBy('ours', '/api/sidecar/status');
        $world->outbox->add(OutboxRow::contactMerged(4, 9));
        $api    = new ApiController($world->settings, $world->outbox, $world->caller, new CorePermissions(['lead:leads:viewother', 'lead:leads:editother']));
        $status = json_decode($api->statusAction()->getContent(), true);
        self::assertSame(['bundle', 'protocol', 'outbox', 'own_client', 'bulk_limit', 'repair_merges'], array_keys($status));
        self::assertSame([1, true, 500, true, 1], [$status['protocol'], $status['own_client'], $status['bulk_limit'], $status['repair_merges'], $status['outbox']['waiting']]);
        $rows = json_decode($api->outboxAction(new Request('/', [], '', ['after' => '0', 'limit' => '5']))->getContent(), true)['rows'];
        self::assertSame(['contact', 'merged', 4, 9], [$rows[0]['kind'], $rows[0]['what'], $rows[0]['object_id'], $rows[0]['into_id']]);
        self::assertSame(400, $api->doneAction(new Request('/', [], '{"ids": ["1; DROP"]}'))->getStatusCode());
        self::assertSame('{"deleted":1}', $api->doneAction(new Request('/', [], json_encode(['ids' => [$rows[0]['id']]])))->getContent());
    }

    public function testSwitchedOffOrWithoutTheRightTheEndpointsRefuse(): void
    {
        $off = new World(false);
        $api = new ApiController($off->settings, $off->outbox, $off->caller, new CorePermissions(['lead:leads:viewother', 'lead:leads:editother']));
        foreach ([$api->statusAction(), $api->outboxAction(new Request()), $api->doneAction(new Request('/', [], '{"ids": []}'))] as $answer) {
            self::assertSame([403, 403], [$answer->getStatusCode(), json_decode($answer->getContent(), true)['errors'][0]['code']]);
        }
        $on  = new World();
        $api = new ApiController($on->settings, $on->outbox, $on->caller, new CorePermissions(['lead:leads:viewother']));
        self::assertSame([200, 403], [$api->statusAction()->getStatusCode(), $api->doneAction(new Request('/', [], '{"ids": []}'))->getStatusCode()]);
    }
}
