<?php

declare(strict_types=1);

// Mautic is not here: what the bundle uses of it, and of Symfony and Doctrine, is stubbed as far as the tests go.
spl_autoload_register(static function (string $class): void {
    $namespace = 'MauticPlugin\\SalesforceSidecarBundle\\';
    if (str_starts_with($class, $namespace)) {
        require dirname(__DIR__).'/SalesforceSidecarBundle/'.strtr(substr($class, strlen($namespace)), '\\', '/').'.php';
    }
});
foreach (['libraries', 'mautic', 'fakes'] as $file) {
    require __DIR__.'/stubs/'.$file.'.php';
}
define('MAUTIC_TABLE_PREFIX', 'mtc_');
