<?php

declare(strict_types=1);

namespace MauticPlugin\SalesforceSidecarBundle\Tests;

use Mautic\CoreBundle\Helper\UserHelper;
use Mautic\CoreBundle\Security\Permissions\CorePermissions;
use MauticPlugin\SalesforceSidecarBundle\Controller\LaunchController;
use MauticPlugin\SalesforceSidecarBundle\Core\Settings;
use MauticPlugin\SalesforceSidecarBundle\Service\Launcher;
use PHPUnit\Framework\TestCase;
use Symfony\Component\HttpFoundation\Request;
use Symfony\Component\HttpKernel\Exception\AccessDeniedHttpException;
use Symfony\Contracts\Translation\TranslatorInterface;

final class LaunchTest extends TestCase
{
    public function testTheTicketNamesUserInstanceAndPlaceForOneMinute(): void
    {
        $response = $this->controller(['plugin:plugins:manage'])->openAction(new Request(), 17);
        [$head, $claims, $jti] = $this->read($response->getTargetUrl());
        self::assertSame(['alg' => 'HS256', 'typ' => 'JWT'], $head);
        self::assertMatchesRegularExpression('/^[0-9a-f]{32}$/', $jti);
        self::assertSame([
            'iss' => 'mautic', 'aud' => 'acme', 'iat' => 1_800_000_000, 'exp' => 1_800_000_060, 'sub' => '7', 'name' => 'Zoë Ünal',
            'email' => 'zoe@example.org', 'locale' => 'fr', 'admin' => true, 'edit_others' => false, 'path' => 'contact/17',
        ], $claims);
        self::assertSame(['no-store', 'no-referrer'], [$response->headers->get('Cache-Control'), $response->headers->get('Referrer-Policy')]);
    }

    public function testNoTwoTicketsAreTheSame(): void
    {
        $controller = $this->controller(['lead:leads:viewother']);
        self::assertNotSame($controller->openAction(new Request())->getTargetUrl(), $controller->openAction(new Request())->getTargetUrl());
    }

    public function testALinkThatMauticFetchesItselfIsAnsweredInJson(): void
    {
        $response = $this->controller(['lead:leads:viewother'])->openAction(new Request('/', ['X-Requested-With' => 'XMLHttpRequest']));
        [, $claims] = $this->read(json_decode($response->getContent(), true)['redirect']);
        self::assertSame([false, ''], [$claims['admin'], $claims['path']]);
    }

    public function testWhoMayNotSeeEveryContactIsRefused(): void
    {
        $this->expectException(AccessDeniedHttpException::class);
        $this->controller(['lead:leads:viewown'])->openAction(new Request());
    }

    /** @dataProvider unfit */
    public function testNothingIsSignedWithoutSwitchAddressNameOrAKeyThatIsLongEnough(bool $isPublished, array $keys): void
    {
        self::assertSame(409, $this->controller(['plugin:plugins:manage'], new World($isPublished, $keys))->openAction(new Request())->getStatusCode());
    }

    public static function unfit(): array
    {
        return [[false, []], [true, ['sidecar_url' => 'javascript:alert(1)']], [true, ['instance' => '']], [true, ['shared_key' => 'short']]];
    }

    public function testTheSwitchForMergesIsOnUnlessItWasSwitchedOff(): void
    {
        $read = static fn (array $keys): bool => Settings::fromKeys(true, $keys)->repairsMerges;
        self::assertSame([true, true, false, false], [$read([]), $read(['repair_merges' => 1]), $read(['repair_merges' => 0]), $read(['repair_merges' => '0'])]);
    }

    private function controller(array $granted, ?World $world = null): LaunchController
    {
        $world ??= new World();
        $user = new class() {
            public function getId(): int
            {
                return 7;
            }

            public function getName(): string
            {
                return 'Zoë Ünal';
            }

            public function getEmail(): string
            {
                return 'zoe@example.org';
            }

            public function getLocale(): string
            {
                return 'fr';
            }
        };
        $translator = new class() implements TranslatorInterface {
            public function trans(string $id, array $parameters = [], ?string $domain = null, ?string $locale = null): string
            {
                return $id;
            }
        };

        return new LaunchController(new Launcher($world->settings, new UserHelper($user), new CorePermissions($granted), $world->clock), $translator);
    }

    /** Checks the signature as the other party does, and returns head, claims without their id, and the id. */
    private function read(string $url): array
    {
        self::assertStringStartsWith('https://sidecar.example/launch?token=', $url);
        [$head, $body, $signature] = explode('.', substr($url, strlen('https://sidecar.example/launch?token=')));
        $decode = static fn (string $part): string => base64_decode(strtr($part, '-_', '+/'));
        self::assertSame(hash_hmac('sha256', "$head.$body", World::KEY, true), $decode($signature));
        $claims = json_decode($decode($body), true);
        $jti    = $claims['jti'];
        unset($claims['jti']);

        return [json_decode($decode($head), true), $claims, $jti];
    }
}
